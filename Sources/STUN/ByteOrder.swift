/// Big-endian loads and stores: the only place that reads integers out of raw bytes.
///
/// Stores are safe and generic, and generics that are not tiny are not specialised in another module: each has its own.
///
/// All of them check their bounds and trap outside of them: a caller has compared lengths before, so a trap is our bug.

extension RawSpan {
    /// The first byte; `nil` when there is none.
    public var firstByte: UInt8? { isEmpty ? nil : uint8(at: 0) }

    /// The byte at `offset`.
    public func uint8(at offset: Int) -> UInt8 {
        // Every bit pattern is a UInt8, and the load checks its bounds.
        unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    /// The big-endian 16-bit number at `offset`.
    public func uint16(at offset: Int) -> UInt16 {
        // Every bit pattern is a UInt16, and the load checks its bounds.
        UInt16(bigEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    /// The big-endian 32-bit number at `offset`.
    public func uint32(at offset: Int) -> UInt32 {
        // Every bit pattern is a UInt32, and the load checks its bounds.
        UInt32(bigEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    /// The big-endian 64-bit number at `offset`.
    public func uint64(at offset: Int) -> UInt64 {
        // Every bit pattern is a UInt64, and the load checks its bounds.
        UInt64(bigEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
}

extension MutableRawSpan {
    /// Stores `value` in network byte order at `offset`.
    @_lifetime(self: copy self)
    mutating func store<Value: FixedWidthInteger & BitwiseCopyable>(
        _ value: Value,
        at offset: Int
    ) {
        storeBytes(of: value.bigEndian, toByteOffset: offset, as: Value.self)
    }
}

extension Span where Element == UInt8 {
    /// The same bytes, untyped.
    public var rawBytes: RawSpan {
        @_lifetime(copy self) get {
            // A UInt8 has no padding, so all of these bytes are initialised.
            unsafe bytes
        }
    }
}
