/// Whether passes wait for more: by what waiting does to the senders' pace.

import Testing

@testable import RelayLoop

@Suite struct GatheringTests {
    /// A loop whose passes bring so many datagrams in so many microseconds, waiting or not.
    private struct Load {
        var waiting: (datagrams: UInt64, microseconds: UInt64)
        var hurried: (datagrams: UInt64, microseconds: UInt64)
        var gathering = Gathering()
        var handled: UInt64 = 0
        var nanoseconds: UInt64 = 0

        /// Runs passes, and says how many of them waited.
        mutating func run(_ passes: Int) -> Int {
            var waits = 0
            for _ in 0..<passes {
                let isWaiting = gathering.isWorthwhile
                waits += isWaiting ? 1 : 0
                let pass = isWaiting ? waiting : hurried
                handled += pass.datagrams
                nanoseconds += pass.microseconds * 1000
                gathering.endPass(handled: handled, at: nanoseconds)
            }
            return waits
        }
    }

    @Test func mediaThatComesAtItsOwnPaceIsGathered() {
        var load = Load(waiting: (8, 400), hurried: (1, 50))
        #expect(load.run(100_000) > 75_000)
    }

    @Test func sendersThatWaitForTheirDatagramsAreNotHeldUp() {
        var load = Load(waiting: (32, 500), hurried: (8, 30))
        _ = load.run(10_000)
        #expect(load.run(100_000) < 500)
    }

    @Test func moreWaitingThanSendersGainDoesNotEndIt() {
        var load = Load(waiting: (64, 500), hurried: (8, 50))
        #expect(load.run(100_000) > 75_000)
    }

    @Test func waitingComesBackWhenTheTrafficChanges() {
        var load = Load(waiting: (32, 500), hurried: (8, 30))
        _ = load.run(100_000)
        load.waiting = (8, 400)
        load.hurried = (1, 50)
        _ = load.run(40_000)
        #expect(load.run(100_000) > 75_000)
    }

    @Test func anIdleThreadIsNotTakenForOneThatHoldsUpItsSenders() {
        var load = Load(waiting: (0, 500_000), hurried: (0, 500_000))
        _ = load.run(1000)
        load.waiting = (8, 400)
        load.hurried = (1, 50)
        #expect(load.run(100_000) > 75_000)
    }
}

@Suite struct OverrunTests {
    @Test func aTimerThatIsLateShowsAfterSomeWaits() {
        var overrun = Overrun()
        for wait in 0..<64 {
            overrun.begin(gathering: 400, at: UInt64(wait) * 1000)
            overrun.end(at: UInt64(wait) * 1000 + 480)
        }
        #expect((60...80).contains(overrun.nanoseconds))
    }

    @Test func aWaitThatEndedEarlyOrWentOnSaysNothing() {
        var overrun = Overrun()
        for (asked, waited) in [(400, 100), (400, 1000), (0, 100)] as [(UInt64, UInt64)] {
            overrun.begin(gathering: asked, at: 0)
            overrun.end(at: waited)
        }
        #expect(overrun.nanoseconds == 0)
    }
}
