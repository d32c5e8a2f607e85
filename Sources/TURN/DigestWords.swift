/// Reads digests, which are byte strings, as the numbers this module keeps.

extension RawSpan {
    /// The big-endian 64-bit number at `8 * index`; all of its bytes must be there.
    func word(_ index: Int) -> UInt64 {
        // Every bit pattern is a UInt64, and the load checks its bounds.
        unsafe unsafeLoadUnaligned(fromByteOffset: 8 * index, as: UInt64.self).bigEndian
    }

    /// The byte at `offset`, which must be there.
    func byte(_ offset: Int) -> UInt8 {
        // Every bit pattern is a UInt8, and the load checks its bounds.
        unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }
}
