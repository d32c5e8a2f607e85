import Testing

@testable import TURN

@Suite("Instant")
struct InstantTests {
    @Test func aDeadlineFarAwaySaturatesInsteadOfWrapping() {
        let late = Instant(nanoseconds: .max - 5)
        #expect(late.advanced(byNanoseconds: 10) == .never)
        #expect(late.advanced(bySeconds: .max) == .never)
        #expect(Instant(nanoseconds: 0).advanced(bySeconds: 3).nanoseconds == 3_000_000_000)
    }

    @Test func timeSinceALaterInstantIsZero() {
        let early = Instant(nanoseconds: 1)
        let late = Instant(nanoseconds: 2_000_000_001)
        #expect(late.nanoseconds(since: early) == 2_000_000_000)
        #expect(early.nanoseconds(since: late) == 0)
        #expect(early.secondsRoundedUp(since: late) == 0)
    }

    @Test func aLifetimeThatStillRunsIsNeverReportedAsZeroSeconds() {
        let start = Instant(nanoseconds: 7)
        #expect(Instant(nanoseconds: 8).secondsRoundedUp(since: start) == 1)
        #expect(start.advanced(bySeconds: 600).secondsRoundedUp(since: start) == 600)
        #expect(start.secondsRoundedUp(since: start) == 0)
    }
}
