import STUN
import Testing

@testable import TURN

@Suite("RFC 8016 3.2.2: what peers send goes both ways until there is data on the new path")
struct RFC8016_3_2_BothPathsTests {
    private static let old = "192.0.2.1:1000", new = "198.51.100.9:2000"
    private let fixture = MobilityFixture()
    private var server: TestServer { fixture.server }
    private var alice: TestClient { fixture.alice }

    @Test func aClientThatOnlyListensHearsItsPeer() {
        #expect(fixture.receivers() == [Self.old])
        _ = fixture.moved()
        for _ in 0..<5 { #expect(fixture.receivers() == [Self.old, Self.new]) }
    }

    @Test func dataFromTheOldPathLeavesBoth() {
        _ = fixture.moved()
        #expect(server.expect(alice.channelData(0x4000, "a")) == ["50000 → 8.8.8.8:53: a"])
        #expect(fixture.receivers() == [Self.old, Self.new])
    }

    @Test func dataFromTheNewPathEndsTheOld() {
        let roamer = fixture.moved()
        #expect(server.expect(roamer.channelData(0x4000, "b")) == ["50000 → 8.8.8.8:53: b"])
        #expect(fixture.receivers() == [Self.new])
    }

    @Test func requestsFromTheNewPathEndNothing() {
        let roamer = fixture.moved()
        _ = server.expect(roamer.request(.refresh))
        _ = server.expect(roamer.permit(MobilityFixture.peer))
        _ = server.expect(roamer.bind(0x4000, to: MobilityFixture.peer))
        _ = server.expect(roamer.resume(with: alice.ticket))
        #expect(fixture.receivers() == [Self.old, Self.new])
    }

    @Test func dataIndicationsAreTheSameOnBoth() {
        _ = server.expect(alice.permit("9.9.9.9:1"))
        _ = fixture.moved()
        let lines = server.expect(.peer("9.9.9.9:1", 50_000, "p"))
        #expect(
            lines == [Self.old, Self.new].map { "data from 9.9.9.9:1 → \($0)/0: p" }
        )
    }

    @Test func aRefusedMoveCopiesNothing() {
        let bob = fixture.elsewhere(Self.new, "bob")
        #expect(server.expect(bob.resume(with: alice.ticket)) == ["refresh 441 sha1"])
        let bare = fixture.elsewhere().unsigned(.refresh, .bytes(.mobilityTicket, alice.ticket))
        #expect(server.expect(bare) == ["refresh 401 challenge"])
        #expect(fixture.receivers() == [Self.old])
    }

    @Test func aClientThatIsNotHeardOfGetsNoCopiesForever() {
        _ = fixture.moved()
        // What peers may send and how long is seen to on the old path.
        _ = server.expect(alice.bind(0x4000, to: MobilityFixture.peer), at: 250)
        #expect(fixture.receivers(at: 299) == [Self.old, Self.new])
        #expect(fixture.receivers(at: 301) == [Self.old])
    }

    @Test(arguments: [true, false])
    func requestsFromTheNewPathKeepTheCopiesGoing(_ isRepetition: Bool) {
        let roamer = fixture.moved()
        _ = server.expect(alice.bind(0x4000, to: MobilityFixture.peer), at: 200)
        let request =
            isRepetition
            ? roamer.resume(with: roamer.ticket)
            : roamer.bind(0x4000, to: MobilityFixture.peer)
        _ = server.expect(request, at: 200)
        #expect(fixture.receivers(at: 450) == [Self.old, Self.new])
    }

    @Test func requestsFromTheOldPathDoNot() {
        _ = fixture.moved()
        _ = server.expect(alice.bind(0x4000, to: MobilityFixture.peer), at: 290)
        #expect(fixture.receivers(at: 310) == [Self.old])
    }

    @Test func twoPathsHaveTheBandwidthOfOne() {
        let fixture = MobilityFixture { $0.bandwidthPerAllocation = 1000 }
        _ = fixture.moved()
        // A burst of 65 507 bytes, whatever the rate: 32 datagrams of 1000 bytes on two paths, one on the old alone.
        let text = String(repeating: "x", count: 1000)
        let lines = (0..<40).flatMap { _ in fixture.receiver(text) }
        #expect(lines.count { $0.contains("192.0.2.1:1000") } == 33)
        #expect(lines.count { $0.contains("198.51.100.9:2000") } == 32)
    }

    @Test func aMoveThatIsGivenUpEndsTheCopies() {
        let roamer = fixture.moved()
        _ = server.expect(alice.resume(with: roamer.ticket))
        #expect(fixture.receivers() == [Self.old])
    }

    @Test func theEndOfTheAllocationEndsThem() {
        let roamer = fixture.moved()
        _ = server.expect(roamer.request(.refresh, .lifetime(0)))
        #expect(fixture.receiver() == ["drop noAllocation"])
        let next = server.allocatedClient("192.0.2.1:1000")
        _ = server.expect(next.bind(0x4000, to: MobilityFixture.peer))
        #expect(
            server.expect(.peer(MobilityFixture.peer, 50_001, "p"))
                == ["channel 4000 → 192.0.2.1:1000/0: p"]
        )
    }

    @Test func toAConnectionAndFromOne() {
        let fixture = MobilityFixture(transport: .tcp)
        let roamer = fixture.elsewhere()
        roamer.transport = .tls
        roamer.connection = ConnectionIndex(rawValue: 8)
        _ = fixture.server.expect(roamer.resume(with: fixture.alice.ticket))
        #expect(fixture.receivers() == [Self.old, Self.new])
        // A break of the old one leaves the new one alone.
        _ = fixture.server.expect(.end(fixture.alice))
        #expect(fixture.receivers() == [Self.new])
    }

    @Test func nothingIsLeftOfManyMoves() {
        var client = alice
        for number in 0..<20 {
            let next = fixture.elsewhere("198.51.100.9:\(3000 + number)")
            _ = server.expect(next.resume(with: client.ticket))
            #expect(fixture.receivers().count == 2)
            if number % 2 == 0 { _ = server.expect(next.channelData(0x4000, "x")) }
            client = next
        }
        // The last move is pending; the data of a client ends it, and with it the last copy.
        _ = server.expect(client.channelData(0x4000, "x"))
        #expect(server.server.table.moving == 0)
        #expect(fixture.receivers() == ["198.51.100.9:3019"])
    }

    @Test func aClientThatMovesOnKeepsItsNewPathWhenItSendsOnTheOld() {
        let client = alice.fiveTuple
        let roamer = fixture.moved()
        #expect(server.server.movedAllocation(of: client, at: TestServer.now(1)) == nil)
        _ = server.expect(roamer.channelData(0x4000, "x"))
        #expect(server.server.movedAllocation(of: roamer.fiveTuple, at: TestServer.now(1)) != nil)
    }

    @Test func whatHasEndedIsNotGivenToAnotherThread() {
        let client = alice.fiveTuple
        #expect(server.server.movedAllocation(of: client, at: TestServer.now(599)) != nil)
        // Over, but not yet removed.
        #expect(server.server.movedAllocation(of: client, at: TestServer.now(600)) == nil)
    }
}
