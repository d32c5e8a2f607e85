/// A seeded 64-bit hash for table keys that the network chooses.
///
/// SipHash-1-3 over 64-bit words: whoever does not know the seed cannot choose addresses that meet in one
/// bucket, so a table keyed by it stays flat under attack. Not a signature; credentials use HMAC.
public struct KeyedHash: Sendable, BitwiseCopyable {
    private let key0: UInt64
    private let key1: UInt64

    /// A hash of its own for each pair of 64-bit seeds; draw them from a secret random source.
    public init(_ key0: UInt64, _ key1: UInt64) {
        self.key0 = key0
        self.key1 = key1
    }

    /// Hash of one word.
    public func callAsFunction(_ word: UInt64) -> UInt64 {
        var state = SipState(key0, key1)
        state.absorb(word)
        return state.finish(1)
    }

    /// Hash of two words.
    public func callAsFunction(_ first: UInt64, _ second: UInt64) -> UInt64 {
        var state = SipState(key0, key1)
        state.absorb(first)
        state.absorb(second)
        return state.finish(2)
    }

    /// Hash of three words.
    public func callAsFunction(_ first: UInt64, _ second: UInt64, _ third: UInt64) -> UInt64 {
        var state = SipState(key0, key1)
        state.absorb(first)
        state.absorb(second)
        state.absorb(third)
        return state.finish(3)
    }

    /// Hash of four words.
    public func callAsFunction(
        _ first: UInt64,
        _ second: UInt64,
        _ third: UInt64,
        _ fourth: UInt64
    ) -> UInt64 {
        var state = SipState(key0, key1)
        state.absorb(first)
        state.absorb(second)
        state.absorb(third)
        state.absorb(fourth)
        return state.finish(4)
    }

    /// Hash of a byte string; its length counts, so a prefix never hashes like the whole.
    public func callAsFunction(_ bytes: RawSpan) -> UInt64 {
        var state = SipState(key0, key1)
        var offset = 0
        while bytes.byteCount - offset >= 8 {
            // Safe: the loop's condition leaves eight bytes at `offset`.
            let word = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
            state.absorb(word.littleEndian)
            offset += 8
        }
        var rest: UInt64 = 0
        var shift: UInt64 = 0
        while offset < bytes.byteCount {
            // Safe: `offset` is below the count, and one byte has no alignment.
            let byte = unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
            rest |= UInt64(byte) &<< shift
            offset += 1
            shift &+= 8
        }
        // The last block carries the length in its top byte, as in SipHash for byte strings.
        state.absorb(rest | UInt64(truncatingIfNeeded: bytes.byteCount) &<< 56)
        return state.finalized()
    }
}

/// The four words of a SipHash computation.
private struct SipState {
    private var v0: UInt64
    private var v1: UInt64
    private var v2: UInt64
    private var v3: UInt64

    init(_ key0: UInt64, _ key1: UInt64) {
        v0 = key0 ^ 0x736f_6d65_7073_6575
        v1 = key1 ^ 0x646f_7261_6e64_6f6d
        v2 = key0 ^ 0x6c79_6765_6e65_7261
        v3 = key1 ^ 0x7465_6462_7974_6573
    }

    mutating func absorb(_ word: UInt64) {
        v3 ^= word
        round()
        v0 ^= word
    }

    /// Ends a computation over `words` whole words: their length in bytes is the last block.
    mutating func finish(_ words: UInt64) -> UInt64 {
        absorb((words &* 8) &<< 56)
        return finalized()
    }

    mutating func finalized() -> UInt64 {
        v2 ^= 0xff
        round()
        round()
        round()
        return v0 ^ v1 ^ v2 ^ v3
    }

    private mutating func round() {
        v0 &+= v1
        v2 &+= v3
        v1 = rotated(v1, 13) ^ v0
        v3 = rotated(v3, 16) ^ v2
        v0 = rotated(v0, 32)
        v2 &+= v1
        v0 &+= v3
        v1 = rotated(v1, 17) ^ v2
        v3 = rotated(v3, 21) ^ v0
        v2 = rotated(v2, 32)
    }

    private func rotated(_ word: UInt64, _ bits: UInt64) -> UInt64 {
        word &<< bits | word &>> (64 &- bits)
    }
}
