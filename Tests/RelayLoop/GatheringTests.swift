/// Whether passes wait for more: by what waiting does to the senders' pace.

import Testing

@testable import RelayLoop

@Suite struct GatheringTests {
    /// What passes bring: so many datagrams in so many microseconds, with the thread busy for so many of them.
    private struct Pass {
        var datagrams: UInt64
        var microseconds: UInt64
        var busy: UInt64
    }

    private static let paced = (
        waiting: Pass(datagrams: 8, microseconds: 400, busy: 30),
        hurried: Pass(datagrams: 1, microseconds: 50, busy: 8)
    )
    private static let heldUp = (
        waiting: Pass(datagrams: 32, microseconds: 500, busy: 80),
        hurried: Pass(datagrams: 8, microseconds: 30, busy: 20)
    )

    /// A loop with passes of both kinds.
    private struct Load {
        var passes: (waiting: Pass, hurried: Pass)
        var gathering = Gathering()
        var now = Gathering.Sample()

        init(_ passes: (waiting: Pass, hurried: Pass)) { self.passes = passes }

        /// Runs passes, and says how many of them waited.
        mutating func run(_ count: Int) -> Int {
            var waits = 0
            for _ in 0..<count {
                let isWaiting = gathering.isWorthwhile
                waits += isWaiting ? 1 : 0
                let pass = isWaiting ? passes.waiting : passes.hurried
                now.handled += pass.datagrams
                now.nanoseconds += pass.microseconds * 1000
                now.busyNanoseconds += pass.busy * 1000
                if gathering.endPass() { gathering.endPhase(at: now) }
            }
            return waits
        }
    }

    @Test func mediaThatComesAtItsOwnPaceIsGathered() {
        var load = Load(Self.paced)
        #expect(load.run(100_000) > 95_000)
    }

    @Test func sendersThatWaitForTheirDatagramsAreNotHeldUp() {
        var load = Load(Self.heldUp)
        _ = load.run(10_000)
        #expect(load.run(100_000) < 500)
    }

    @Test func moreWaitingThanSendersGainDoesNotEndIt() {
        var load = Load(
            (
                Pass(datagrams: 64, microseconds: 500, busy: 90),
                Pass(datagrams: 8, microseconds: 50, busy: 11)
            )
        )
        #expect(load.run(100_000) > 95_000)
    }

    @Test func aRateThatIsPaidForWithTimeForEachDatagramIsNotWorthIt() {
        var load = Load(
            (
                Pass(datagrams: 64, microseconds: 500, busy: 120),
                Pass(datagrams: 8, microseconds: 30, busy: 22)
            )
        )
        #expect(load.run(100_000) > 95_000)
    }

    @Test func waitingComesBackWhenTheTrafficChanges() {
        var load = Load(Self.heldUp)
        _ = load.run(100_000)
        load.passes = Self.paced
        _ = load.run(40_000)
        #expect(load.run(100_000) > 95_000)
    }

    @Test func hurryingComesWithinSecondsOfTrafficThatIsHeldUp() {
        var load = Load(Self.paced)
        _ = load.run(100_000)
        load.passes = Self.heldUp
        // At most 4096 longer passes, and one that is too long to count.
        _ = load.run(40_000)
        #expect(load.run(100_000) < 500)
    }

    @Test func anIdleThreadIsNotTakenForOneThatHoldsUpItsSenders() {
        let idle = Pass(datagrams: 0, microseconds: 500_000, busy: 10)
        var load = Load((idle, idle))
        _ = load.run(1000)
        load.passes = Self.paced
        #expect(load.run(100_000) > 95_000)
    }
}

@Suite struct OverrunTests {
    @Test func aTimerThatIsLateShowsAfterSomeWaits() {
        var overrun = Overrun()
        for wait in 0..<64 {
            overrun.begin(gathering: 400, at: UInt64(wait) * 1000)
            overrun.end(at: UInt64(wait) * 1000 + 480, isFull: false)
        }
        #expect((60...80).contains(overrun.nanoseconds))
    }

    @Test func fullPassesAreNotTakenForALateTimer() {
        var overrun = Overrun()
        for wait in 0..<64 {
            overrun.begin(gathering: 400, at: UInt64(wait) * 1000)
            overrun.end(at: UInt64(wait) * 1000 + 600, isFull: wait >= 32)
        }
        #expect(overrun.nanoseconds < 20)
    }

    @Test func aWaitThatEndedEarlyOrWentOnSaysNothing() {
        var overrun = Overrun()
        for (asked, waited) in [(400, 100), (400, 1000), (0, 100)] as [(UInt64, UInt64)] {
            overrun.begin(gathering: asked, at: 0)
            overrun.end(at: waited, isFull: false)
        }
        #expect(overrun.nanoseconds == 0)
    }
}
