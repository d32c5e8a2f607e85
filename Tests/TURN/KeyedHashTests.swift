import Testing

@testable import TURN

@Suite("Keyed hash")
struct KeyedHashTests {
    private let hash = KeyedHash(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908)

    private func hashed(_ bytes: [UInt8], by hash: KeyedHash) -> UInt64 {
        bytes.withUnsafeBytes { hash(RawSpan(_unsafeBytes: $0)) }
    }

    @Test func wordsHashLikeTheirLittleEndianBytes() {
        let bytes = [UInt8](0..<32)
        let word = { (first: Int) in
            (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[first + $1]) << UInt64(8 * $1) }
        }
        #expect(hash(word(0)) == hashed([UInt8](bytes[..<8]), by: hash))
        #expect(hash(word(0), word(8)) == hashed([UInt8](bytes[..<16]), by: hash))
        #expect(hash(word(0), word(8), word(16)) == hashed([UInt8](bytes[..<24]), by: hash))
        #expect(hash(word(0), word(8), word(16), word(24)) == hashed(bytes, by: hash))
    }

    @Test func aByteStringAndItsPrefixesAllDiffer() {
        let zeros = [UInt8](repeating: 0, count: 64)
        let hashes = Set((0...64).map { hashed([UInt8](zeros[..<$0]), by: hash) })
        #expect(hashes.count == 65)
    }

    @Test func anotherSeedGivesAnotherHash() {
        let other = KeyedHash(1, 2)
        #expect(hash(1, 2, 3) != other(1, 2, 3))
        #expect(hash(1, 2, 3) == KeyedHash(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908)(1, 2, 3))
    }

    @Test func neighbouringKeysSpreadOverAllBuckets() {
        var buckets = [Int](repeating: 0, count: 256)
        for port in 0..<65_536 { buckets[Int(hash(0, 0x7f00_0001, UInt64(port)) & 255)] += 1 }
        // The mean is 256 and the deviation 16; seven deviations never happen by chance.
        #expect(buckets.allSatisfy { (144...368).contains($0) })
    }

    /// SipHash-1-3 of the bytes 0, 1, 2, … under the key 0, 1, … 15, as the reference program prints it.
    @Test func matchesSipHashOneThree() {
        #expect(hashed([], by: hash) == 0xabac_0158_050f_c4dc)
        #expect(hashed([0], by: hash) == 0xc9f4_9bf3_7d57_ca93)
    }
}
