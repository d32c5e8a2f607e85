import STUN
import Testing

@testable import TURN

@Suite("RFC 8016 and connections: an allocation outlives the one it was made on")
struct RFC8016_1_ConnectionTests {
    private let fixture = MobilityFixture(transport: .tcp)
    private var server: TestServer { fixture.server }
    private var alice: TestClient { fixture.alice }
    private let success = ["refresh ok lifetime=600 ticket sha1"]

    @Test func breakBeforeMake() {
        #expect(server.expect(.end(alice)) == [])
        #expect(server.statistics.allocations == 1)
        #expect(fixture.receiver() == ["drop noAllocation"])
        #expect(server.expect(alice.channelData(0x4000, "a")) == ["drop noAllocation"])
        // There is no old path, so the new one is used at once.
        _ = fixture.moved()
        #expect(fixture.receiver() == ["channel 4000 → 198.51.100.9:2000/0: p"])
    }

    @Test func theSameAddressMayComeBackOnANewConnection() {
        _ = server.expect(.end(alice))
        #expect(server.expect(alice.resume(with: alice.ticket)) == success)
        #expect(fixture.receiver() == ["channel 4000 → 192.0.2.1:1000/0: p"])
    }

    @Test func theLifetimeEndsIt() {
        _ = server.expect(.end(alice))
        #expect(server.expect(.time, at: 600) == ["close 50000"])
        #expect(server.statistics.allocations == 0)
    }

    @Test func aStrangerOnItsAddressIsNotStruckByItsEnd() {
        _ = server.expect(.end(alice))
        // The same 5-tuple again, in the eyes of the loop.
        #expect(server.expect(alice.allocate(), at: 1)[0].hasPrefix("allocate ok"))
        #expect(server.expect(.time, at: 600) == ["close 50000"])
        #expect(server.expect(alice.request(.refresh), at: 600) == ["refresh ok lifetime=600 sha1"])
    }

    @Test func withoutATicketItGoesAtOnce() {
        let carol = server.client("192.0.2.3:1")
        carol.transport = .tls
        carol.connection = ConnectionIndex(rawValue: 9)
        _ = server.expect(carol.allocate())
        #expect(server.expect(.end(carol)) == ["close 50001"])
    }

    @Test func theEndOfTheOldConnectionCompletesTheMove() {
        _ = fixture.moved()
        #expect(server.expect(.end(alice)) == [])
        #expect(fixture.receiver() == ["channel 4000 → 198.51.100.9:2000/0: p"])
    }

    @Test func theEndOfTheNewConnectionLeavesTheOld() {
        let roamer = fixture.elsewhere()
        roamer.transport = .tcp
        roamer.connection = ConnectionIndex(rawValue: 8)
        #expect(server.expect(roamer.resume(with: alice.ticket)) == success)
        #expect(server.expect(.end(roamer)) == [])
        #expect(fixture.receiver() == ["channel 4000 → 192.0.2.1:1000/0: p"])
        // The newest ticket is good from a third place.
        let third = fixture.elsewhere("203.0.113.77:1")
        #expect(server.expect(third.resume(with: roamer.ticket)) == success)
    }

    @Test func theConnectionLeftIsTold() {
        let roamer = fixture.moved()
        #expect(
            server.expect(roamer.channelData(0x4000, "b"))
                == ["50000 → 8.8.8.8:53: b", "left 7"]
        )
    }

    @Test func theQuotaIsGivenBackOnceAndWithTheAllocation() {
        // The loop gives a place in the quota back with each close: there must be one, and not before the end.
        _ = server.expect(.end(alice))
        let roamer = fixture.moved()
        #expect(server.expect(roamer.channelData(0x4000, "b")) == ["50000 → 8.8.8.8:53: b"])
        #expect(server.expect(.time, at: 599) == [])
        #expect(server.expect(.time, at: 600) == ["close 50000"])
        #expect(server.expect(.time, at: 1200) == [])
    }
}
