import STUN
import Testing

@testable import TURN

@Suite("Limit of unauthenticated requests")
struct UnauthenticatedLimiterTests {
    private let start = Instant(nanoseconds: 5_000_000_000)

    private func limiter(_ perSecond: UInt32, total: UInt32 = 0) -> UnauthenticatedLimiter {
        UnauthenticatedLimiter(
            perSecond: perSecond,
            totalPerSecond: total,
            hash: KeyedHash(11, 12)
        )
    }

    private func answered(
        _ limiter: inout UnauthenticatedLimiter,
        _ sources: [IPAddress]
    ) -> Int {
        var count = 0
        for source in sources where limiter.allows(source, at: start) { count += 1 }
        return count
    }

    @Test func aWholeIPv4PrefixSharesOneBudget() {
        var limiter = limiter(10)
        let inside = (0..<200).map { IPAddress(ipv4: 0xcb00_7100 + UInt32($0)) }
        let outside = (0..<5).map { IPAddress(ipv4: 0xcb00_7200 + UInt32($0)) }
        #expect(answered(&limiter, inside) == 20)
        #expect(answered(&limiter, outside) == 5)
    }

    @Test func aWholeIPv6PrefixSharesOneBudget() {
        var limiter = limiter(10)
        let inside = (0..<200).map { IPAddress(ipv6High: 0x2001_0db8_0000_0001, low: $0 << 40) }
        let outside = (0..<5).map { IPAddress(ipv6High: 0x2001_0db8_0000_0002, low: $0) }
        #expect(answered(&limiter, inside) == 20)
        #expect(answered(&limiter, outside) == 5)
    }

    @Test func anIPv4MappedSourceIsTheIPv4Source() {
        var limiter = limiter(1)
        let plain = IPAddress(ipv4: 0xcb00_7101)
        let mapped = IPAddress(ipv6High: 0, low: 0xffff_cb00_7102)
        #expect(answered(&limiter, [plain, mapped, plain, mapped]) == 2)
    }

    @Test func theBudgetComesBackWithTime() {
        var limiter = limiter(10)
        let source = IPAddress(ipv4: 0xcb00_7101)
        _ = answered(&limiter, [IPAddress](repeating: source, count: 50))
        let soon = limiter.allows(source, at: start.advanced(byNanoseconds: 90_000_000))
        let later = limiter.allows(source, at: start.advanced(byNanoseconds: 110_000_000))
        #expect(!soon && later)
    }

    @Test func allSourcesTogetherHaveABound() {
        var limiter = limiter(10, total: 100)
        let sources = (0..<5000).map { IPAddress(ipv4: UInt32($0) << 8) }
        #expect(answered(&limiter, sources) == 100)
    }

    @Test func aFloodFromOnePrefixLeavesTheTotalToOthers() {
        var limiter = limiter(10, total: 100)
        let flood = [IPAddress](repeating: IPAddress(ipv4: 0xcb00_7101), count: 10_000)
        #expect(answered(&limiter, flood) == 20)
        let others = (0..<50).map { IPAddress(ipv4: 0x0800_0000 + UInt32($0) << 8) }
        #expect(answered(&limiter, others) == 50)
    }

    @Test func aFloodFromManyPrefixesHardlyTouchesOthers() {
        var limiter = limiter(10)
        for prefix in 0..<1000 as Range<UInt32> {
            let source = IPAddress(ipv4: 0x0800_0000 + prefix << 8)
            _ = answered(&limiter, [IPAddress](repeating: source, count: 100))
        }
        let others = (0..<1000).map { IPAddress(ipv4: 0x5000_0000 + UInt32($0) << 8) }
        // Shut out only when both buckets are shared: one in about sixty-seven.
        #expect(answered(&limiter, others) >= 960)
    }

    @Test func zeroIsNoLimit() {
        var limiter = limiter(0)
        let flood = [IPAddress](repeating: IPAddress(ipv4: 1), count: 1000)
        #expect(answered(&limiter, flood) == 1000)
    }
}
