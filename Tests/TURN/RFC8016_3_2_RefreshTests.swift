import STUN
import Testing

@testable import TURN

@Suite("RFC 8016 3.2: taking an allocation elsewhere")
struct RFC8016_3_2_RefreshTests {
    private let fixture = MobilityFixture()
    private var server: TestServer { fixture.server }
    private var alice: TestClient { fixture.alice }
    private let success = ["refresh ok lifetime=600 ticket sha1"]

    @Test func theNewTicketDiffersFromTheOld() {
        let roamer = fixture.moved()
        #expect(roamer.ticket != alice.ticket)
        #expect(server.statistics.moves == 1)
        #expect(server.statistics.allocations == 1)
        #expect(server.statistics.allocationsCreated == 1)
    }

    @Test func theOldPathStaysUntilDataOnTheNew() {
        let roamer = fixture.moved()
        #expect(fixture.receivers() == ["192.0.2.1:1000", "198.51.100.9:2000"])
        #expect(server.expect(alice.channelData(0x4000, "a")) == ["50000 → 8.8.8.8:53: a"])
        #expect(server.expect(alice.permit("9.9.9.9:1")) == ["permission ok sha1"])
        #expect(server.expect(roamer.permit("9.9.9.9:1")) == ["permission ok sha1"])
        #expect(fixture.receivers() == ["192.0.2.1:1000", "198.51.100.9:2000"])
        #expect(server.expect(roamer.channelData(0x4000, "b")) == ["50000 → 8.8.8.8:53: b"])
        #expect(fixture.receiver("p") == ["channel 4000 → 198.51.100.9:2000/0: p"])
        #expect(server.expect(alice.channelData(0x4000, "a")) == ["drop noAllocation"])
        #expect(server.expect(alice.request(.refresh)) == ["refresh 437 sha1"])
    }

    @Test func aSendIndicationEndsTheOldPathToo() {
        let roamer = fixture.moved()
        #expect(server.expect(roamer.send("x", to: "8.8.8.8:53")) == ["50000 → 8.8.8.8:53: x"])
        #expect(fixture.receiver() == ["channel 4000 → 198.51.100.9:2000/0: p"])
    }

    @Test func dataWithoutATicketMovesNothing() {
        let stranger = fixture.elsewhere()
        #expect(server.expect(stranger.channelData(0x4000, "x")) == ["drop noAllocation"])
        #expect(server.expect(stranger.request(.refresh)) == ["refresh 437 sha1"])
        #expect(fixture.receiver() == ["channel 4000 → 192.0.2.1:1000/0: p"])
    }

    @Test func permissionsChannelsAndLifetimeMoveAlong() {
        let roamer = fixture.elsewhere()
        let request = roamer.resume(.lifetime(1200), with: alice.ticket)
        #expect(server.expect(request, at: 200) == ["refresh ok lifetime=1200 ticket sha1"])
        #expect(
            server.expect(roamer.channelData(0x4000, "x"), at: 299) == ["50000 → 8.8.8.8:53: x"]
        )
        #expect(server.expect(roamer.channelData(0x4000, "x"), at: 301) == ["drop noPermission"])
        #expect(
            server.expect(roamer.bind(0x4000, to: "8.8.8.8:53"), at: 301) == ["channel ok sha1"]
        )
        #expect(server.expect(.time, at: 1399) == [])
        #expect(server.expect(.time, at: 1400) == ["close 50000"])
    }

    @Test func aForgedTicketIsABadRequest() {
        let roamer = fixture.elsewhere()
        #expect(server.expect(roamer.resume(with: [])) == ["refresh 400 sha1"])
        #expect(server.expect(roamer.resume(with: [1, 2, 3])) == ["refresh 400 sha1"])
        for index in alice.ticket.indices {
            var ticket = alice.ticket
            ticket[index] ^= 1
            #expect(server.expect(roamer.resume(with: ticket)) == ["refresh 400 sha1"])
        }
        #expect(server.statistics.moves == 0)
    }

    @Test func aTicketOfAnotherServerIsABadRequest() {
        let other = MobilityFixture { $0.nonceKey = Array("another".utf8) }
        let roamer = fixture.elsewhere()
        #expect(server.expect(roamer.resume(with: other.alice.ticket)) == ["refresh 400 sha1"])
    }

    @Test func theTicketOfAnEndedAllocationMatchesNone() {
        let roamer = fixture.elsewhere()
        _ = server.expect(alice.request(.refresh, .lifetime(0)))
        #expect(server.expect(roamer.resume(with: alice.ticket)) == ["refresh 437 sha1"])
        // Nor the one that has its place.
        _ = server.allocatedClient("192.0.2.1:1001")
        #expect(server.expect(roamer.resume(with: alice.ticket)) == ["refresh 437 sha1"])
    }

    @Test func anExpiredAllocationMatchesNone() {
        let roamer = fixture.elsewhere()
        #expect(
            server.expect(roamer.resume(with: alice.ticket), at: 600)
                == ["refresh 437 sha1", "close 50000"]
        )
    }

    @Test func anotherUserIsRefused() {
        let bob = fixture.elsewhere("198.51.100.9:2000", "bob")
        #expect(server.expect(bob.resume(with: alice.ticket)) == ["refresh 441 sha1"])
        #expect(
            server.expect(bob.resume(.lifetime(0), with: alice.ticket)) == ["refresh 441 sha1"]
        )
        #expect(server.expect(alice.channelData(0x4000, "a")) == ["50000 → 8.8.8.8:53: a"])
        #expect(server.statistics.moves == 0)
    }

    @Test func whoProvesNothingIsChallenged() {
        let roamer = fixture.elsewhere()
        let bare = roamer.unsigned(.refresh, .bytes(.mobilityTicket, alice.ticket))
        #expect(server.expect(bare) == ["refresh 401 challenge"])
        // The nonce must be one for the new address.
        roamer.nonce = alice.nonce
        #expect(server.expect(roamer.resume(with: alice.ticket)) == ["refresh 438 challenge"])
        #expect(server.expect(roamer.resume(with: alice.ticket)) == success)
    }

    /// RFC 8016 3.2.2 refuses it with 400; coturn's client brings its ticket to each Refresh.
    @Test func aTicketFromWhereTheClientIsRefreshes() {
        let ticket = alice.ticket
        #expect(server.expect(alice.resume(with: ticket)) == success)
        #expect(alice.ticket == ticket)
        let roamer = fixture.moved()
        #expect(server.expect(roamer.resume(with: roamer.ticket)) == success)
        #expect(server.statistics.moves == 1)
    }

    @Test func mobilityForbiddenMeanwhile() {
        let strict = TestServer()
        let roamer = strict.client()
        #expect(strict.expect(roamer.resume(with: alice.ticket)) == ["refresh 405 sha1"])
    }

    @Test func theOldTicketOnlyRepeats() {
        let roamer = fixture.moved()
        let ticket = roamer.ticket
        #expect(server.expect(roamer.resume(with: alice.ticket)) == success)
        #expect(roamer.ticket == ticket)
        #expect(server.statistics.moves == 1)
        let third = fixture.elsewhere("203.0.113.77:1")
        #expect(server.expect(third.resume(with: alice.ticket)) == ["refresh 437 sha1"])
        // Also once the move is complete: a retransmission may be late.
        _ = server.expect(roamer.channelData(0x4000, "b"))
        #expect(server.expect(roamer.resume(with: alice.ticket)) == success)
        #expect(roamer.ticket == ticket)
        #expect(server.statistics.moves == 1)
        #expect(server.expect(third.resume(with: alice.ticket)) == ["refresh 437 sha1"])
    }

    @Test func oneMoveAtATime() {
        let roamer = fixture.moved()
        let third = fixture.elsewhere("203.0.113.77:1")
        #expect(server.expect(third.resume(with: roamer.ticket)) == success)
        #expect(server.expect(roamer.channelData(0x4000, "b")) == ["drop noAllocation"])
        #expect(fixture.receivers() == ["192.0.2.1:1000", "203.0.113.77:1"])
        #expect(server.expect(third.channelData(0x4000, "c")) == ["50000 → 8.8.8.8:53: c"])
        #expect(fixture.receiver() == ["channel 4000 → 203.0.113.77:1/0: p"])
    }

    @Test func theClientMayGoBack() {
        let roamer = fixture.moved()
        #expect(server.expect(alice.resume(with: roamer.ticket)) == success)
        #expect(server.expect(roamer.channelData(0x4000, "b")) == ["drop noAllocation"])
        #expect(server.expect(alice.channelData(0x4000, "a")) == ["50000 → 8.8.8.8:53: a"])
        #expect(server.statistics.allocations == 1)
    }

    @Test func a5TupleWithAnAllocationTakesNoOther() {
        let roamer = server.allocatedClient("198.51.100.9:2000")
        #expect(server.expect(roamer.resume(with: alice.ticket)) == ["refresh 437 sha1"])
    }

    @Test func aMovingClientCannotAllocateOnEitherPath() {
        let roamer = fixture.moved()
        #expect(server.expect(roamer.allocate()) == ["allocate 437 sha1"])
        #expect(server.expect(alice.allocate()) == ["allocate 437 sha1"])
        #expect(server.relays.count == 1)
    }

    @Test func lifetimeZeroWithATicketDeletes() {
        let roamer = fixture.elsewhere()
        #expect(
            server.expect(roamer.resume(.lifetime(0), with: alice.ticket))
                == ["refresh ok lifetime=0 sha1", "close 50000"]
        )
        #expect(server.statistics.allocations == 0)
        #expect(server.expect(roamer.channelData(0x4000, "b")) == ["drop noAllocation"])
    }

    @Test func aWrongRefreshMovesNothing() {
        let roamer = fixture.elsewhere()
        let wrongFamily = roamer.resume(.family(2), with: alice.ticket)
        #expect(server.expect(wrongFamily) == ["refresh 443 sha1"])
        let wrongLifetime = roamer.resume(.uint8(.lifetime, 1), with: alice.ticket)
        #expect(server.expect(wrongLifetime) == ["refresh 400 sha1"])
        #expect(server.expect(roamer.channelData(0x4000, "b")) == ["drop noAllocation"])
        #expect(server.expect(roamer.resume(with: alice.ticket)) == success)
    }

    @Test func theNewPathMayDeleteBeforeData() {
        let roamer = fixture.moved()
        #expect(
            server.expect(roamer.request(.refresh, .lifetime(0)))
                == ["refresh ok lifetime=0 sha1", "close 50000"]
        )
        #expect(server.expect(alice.channelData(0x4000, "a")) == ["drop noAllocation"])
        #expect(server.expect(roamer.allocate())[0].hasPrefix("allocate ok"))
        #expect(server.expect(alice.allocate())[0].hasPrefix("allocate ok"))
    }

    @Test func aFullTableStillMoves() {
        let fixture = MobilityFixture { $0.allocationCapacity = 2 }
        _ = fixture.server.allocatedClient("192.0.2.1:1001")
        var client = fixture.alice
        for number in 0..<100 {
            let next = fixture.elsewhere("198.51.100.9:\(2000 + number)")
            #expect(fixture.server.expect(next.resume(with: client.ticket)) == success)
            #expect(
                fixture.server.expect(next.channelData(0x4000, "x")) == ["50000 → 8.8.8.8:53: x"]
            )
            client = next
        }
        #expect(fixture.server.statistics.allocations == 2)
        #expect(fixture.server.statistics.moves == 100)
    }
}
