/// Reservations by EVEN-PORT: each is had once, by one thread (RFC 8656 section 7.2).

import Exchange
import Synchronization
import Testing

@Suite struct ReservationTableTests {
    private func reservation(
        token: UInt64,
        descriptor: Int32 = 7,
        until: UInt64 = 130
    ) -> Reservation {
        Reservation(
            token: token,
            descriptor: descriptor,
            port: 50_001,
            address: 200,
            family: 2,
            expirySeconds: until
        )
    }

    @Test func isClaimedOnceWithAllItsParts() {
        let table = ReservationTable()
        let wanted = reservation(token: .max, descriptor: -3)
        #expect(table.reserve(wanted))
        #expect(table.claim(token: 1, nowSeconds: 100) == nil)
        #expect(table.claim(token: .max, nowSeconds: 129) == wanted)
        #expect(table.claim(token: .max, nowSeconds: 129) == nil)
    }

    @Test func isWorthNothingFromItsExpiryAndIsThenTakenForClosing() {
        let table = ReservationTable()
        let expired = reservation(token: 5)
        #expect(table.reserve(expired))
        #expect(table.takeExpired(nowSeconds: 129) == nil)
        #expect(table.claim(token: 5, nowSeconds: 130) == nil)
        #expect(table.takeExpired(nowSeconds: 130) == expired)
        #expect(table.takeExpired(nowSeconds: 130) == nil)
    }

    @Test func refusesWhenThereIsNoRoomAndRecovers() {
        let table = ReservationTable()
        var accepted = 0
        while table.reserve(reservation(token: 1024 * UInt64(accepted))) { accepted += 1 }
        #expect(accepted > 0)
        #expect(table.claim(token: 0, nowSeconds: 0) != nil)
        #expect(table.reserve(reservation(token: 4096 * 1024)))
        for _ in 0..<accepted { #expect(table.takeAny() != nil) }
        #expect(table.takeAny() == nil)
    }

    @Test func racingThreadsGetEachReservationOnce() {
        let table = ReservationTable()
        let taken = Atomic<Int>(0)
        for token in 0..<200 { #expect(table.reserve(reservation(token: UInt64(token * 5)))) }
        onThreads(4) { _ in
            for token in 0..<200 where table.claim(token: UInt64(token * 5), nowSeconds: 0) != nil {
                taken.add(1, ordering: .relaxed)
            }
        }
        while table.takeAny() != nil { taken.add(1, ordering: .relaxed) }
        #expect(taken.load(ordering: .relaxed) == 200)
    }
}
