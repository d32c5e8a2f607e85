import Testing

@testable import TURN

@Suite("Random source")
struct RandomSourceTests {
    private let seed = [UInt8](0..<32)

    /// HMAC-SHA256 under the seed 00 01 … 1f of the little-endian counters 0 and 1, last word first.
    @Test func isHMACOfACounter() {
        var source = RandomSource(seed: seed)
        let words = (0..<5).map { _ in source.next() }
        #expect(
            words == [
                0x63f0_6c67_d4e4_8899, 0x3957_4261_a35d_c501, 0x2991_8d2b_8942_b344,
                0x9f0c_d9b9_4097_fe49, 0x8dba_9327_be8e_1617,
            ]
        )
    }

    @Test func theSameSeedGivesTheSameNumbersAndAnotherSeedOthers() {
        var first = RandomSource(seed: seed)
        var second = RandomSource(seed: seed)
        var other = RandomSource(seed: [UInt8](repeating: 0, count: 32))
        let numbers = (0..<100).map { _ in first.next() }
        #expect(numbers == (0..<100).map { _ in second.next() })
        #expect(Set(numbers).count == 100)
        #expect(Set(numbers).isDisjoint(with: (0..<100).map { _ in other.next() }))
    }

    @Test(arguments: [0, 1, 2, 3, 1 << 63 + 1, .max] as [UInt64])
    func aNumberBelowABoundIsBelowIt(bound: UInt64) {
        var source = RandomSource(seed: seed)
        for _ in 0..<100 { #expect(source.below(bound) < max(bound, 1)) }
    }

    @Test func numbersBelowABoundAreEquallyLikely() {
        var source = RandomSource(seed: seed)
        var counts = [Int](repeating: 0, count: 10)
        for _ in 0..<10_000 { counts[Int(source.below(10))] += 1 }
        // The mean is 1000 and the deviation 30.
        #expect(counts.allSatisfy { (850...1150).contains($0) })
    }

    @Test func aSeedOfAnotherLengthIsOurBugAndTraps() async {
        await #expect(processExitsWith: .failure) { _ = RandomSource(seed: [1, 2, 3]) }
    }
}
