/// Quotas: in total and for each user, never exceeded, nothing lost (RFC 8656 section 7.2: 486).

import Exchange
import Synchronization
import Testing

@Suite struct QuotaTests {
    @Test func refusesAboveTheTotalAndTheUserLimit() {
        let quota = Quota(total: 3, perUser: 2)
        let alice: UInt64 = 0xA11CE << 20
        let bob: UInt64 = 0xB0B << 20
        #expect(quota.charge(userTag: alice))
        #expect(quota.charge(userTag: alice))
        #expect(!quota.charge(userTag: alice))
        #expect(quota.charge(userTag: bob))
        #expect(!quota.charge(userTag: bob))
        #expect(quota.charged == 3)
        quota.release(userTag: alice)
        #expect(quota.charge(userTag: bob))
        #expect(quota.charged == 3)
    }

    @Test func zeroIsNoLimitAndTagZeroIsNobody() {
        let unlimited = Quota(total: 0, perUser: 0)
        for _ in 0..<1000 { #expect(unlimited.charge(userTag: 1 << 30)) }
        let quota = Quota(total: 5, perUser: 1)
        for _ in 0..<5 { #expect(quota.charge(userTag: 0)) }
        #expect(!quota.charge(userTag: 0))
        for _ in 0..<5 { quota.release(userTag: 0) }
        #expect(quota.charged == 0)
    }

    @Test func usersWithNeighbouringTagsAreKeptApart() {
        let quota = Quota(total: 100, perUser: 1)
        // The same home entry for all: tags that differ only above the table's size.
        for user in 1...20 { #expect(quota.charge(userTag: UInt64(user) << 48)) }
        for user in 1...20 { #expect(!quota.charge(userTag: UInt64(user) << 48)) }
        for user in 1...20 { quota.release(userTag: UInt64(user) << 48) }
        for user in 1...20 { #expect(quota.charge(userTag: UInt64(user) << 48)) }
    }

    @Test func racingThreadsNeverExceedTheUserLimit() {
        let quota = Quota(total: 1000, perUser: 3)
        let held = Atomic<Int>(0)
        let excess = Atomic<Int>(0)
        onThreads(4) { index in
            for round in 0..<4_000 {
                // A second user in the same window makes entries come and go.
                let tag: UInt64 = (round + index) % 3 == 0 ? 9 << 16 : 8 << 16
                guard quota.charge(userTag: tag) else { continue }
                if tag == 8 << 16 {
                    if held.add(1, ordering: .relaxed).newValue > 3 {
                        excess.add(1, ordering: .relaxed)
                    }
                    held.subtract(1, ordering: .relaxed)
                }
                quota.release(userTag: tag)
            }
        }
        #expect(excess.load(ordering: .relaxed) == 0)
        #expect(quota.charged == 0)
        for _ in 0..<3 { #expect(quota.charge(userTag: 8 << 16)) }
        #expect(!quota.charge(userTag: 8 << 16))
    }
}
