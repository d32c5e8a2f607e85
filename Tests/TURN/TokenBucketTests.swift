import Testing

@testable import TURN

@Suite("Token bucket")
struct TokenBucketTests {
    private let start = Instant(nanoseconds: 1_000_000_000_000)

    @Test func givesTheBurstAtOnceAndThenTheRate() {
        let rate = TokenRate(perSecond: 10, burst: 5)
        var bucket = TokenBucket()
        var taken = 0
        for _ in 0..<20 where bucket.take(of: rate, at: start) { taken += 1 }
        #expect(taken == 5)
        for tenth in 1...30 as ClosedRange<UInt64> {
            let now = start.advanced(byNanoseconds: tenth * 100_000_000)
            for _ in 0..<3 where bucket.take(of: rate, at: now) { taken += 1 }
        }
        #expect(taken == 35)
    }

    @Test func neverHoldsMoreThanTheBurst() {
        let rate = TokenRate(perSecond: 10, burst: 5)
        var bucket = TokenBucket()
        _ = bucket.take(5, of: rate, at: start)
        let muchLater = start.advanced(bySeconds: 3600)
        let tooMany = bucket.take(6, of: rate, at: muchLater)
        let all = bucket.take(5, of: rate, at: muchLater)
        #expect(!tooMany && all)
    }

    @Test func aRefusalCostsNothing() {
        let rate = TokenRate(perSecond: 1000, burst: 1000)
        var bucket = TokenBucket()
        _ = bucket.take(900, of: rate, at: start)
        let refused = bucket.take(200, of: rate, at: start)
        let one = bucket.take(101, of: rate, at: start)
        let rest = bucket.take(100, of: rate, at: start)
        #expect(!refused && !one && rest)
    }

    @Test func rateZeroIsNoLimit() {
        let rate = TokenRate(perSecond: 0, burst: 0)
        var bucket = TokenBucket()
        let taken = bucket.take(.max, of: rate, at: start)
        #expect(taken && rate.isUnlimited)
    }

    @Test func numbersOfAnySizeDoNotTrap() {
        var bucket = TokenBucket()
        for perSecond in [1, 1 << 40, .max] as [UInt64] {
            for burst in [0, 1, .max] as [UInt64] {
                let rate = TokenRate(perSecond: perSecond, burst: burst)
                for now in [Instant(nanoseconds: 0), start, .never] {
                    _ = bucket.take(.max, of: rate, at: now)
                    _ = bucket.take(1, of: rate, at: now)
                }
            }
        }
    }

    @Test func aMegabitOfBytesKeepsItsPace() {
        let rate = TokenRate(perSecond: 125_000, burst: 12_500)
        var bucket = TokenBucket()
        var bytes: UInt64 = 0
        for step in 0..<100_000 as Range<UInt64> {
            let now = start.advanced(byNanoseconds: step * 100_000)
            if bucket.take(1200, of: rate, at: now) { bytes += 1200 }
        }
        #expect((1_245_000...1_265_000).contains(bytes))
    }
}
