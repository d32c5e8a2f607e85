import STUN
import Testing

@testable import TURN

@Suite("RFC 8016 5: who may move an allocation")
struct RFC8016_5_SecurityTests {
    /// Asks for no credentials.
    private let server = TestServer {
        $0.allowsMobility = true
        $0.isAuthenticationRequired = false
    }

    private func client(_ address: String, _ transport: ClientTransport) -> TestClient {
        let client = server.client(address, nil)
        client.transport = transport
        if transport != .udp { client.connection = ConnectionIndex(rawValue: 7) }
        return client
    }

    @Test(arguments: [ClientTransport.udp, .tcp])
    func withNeitherCredentialsNorTLSNobody(_ transport: ClientTransport) {
        let stranger = client("192.0.2.1:1000", transport)
        let request = stranger.allocate(.empty(.mobilityTicket))
        #expect(server.expect(request) == ["allocate 405"])
        #expect(server.expect(stranger.allocate())[0].hasPrefix("allocate ok"))
        #expect(stranger.ticket.isEmpty)
    }

    @Test(arguments: [ClientTransport.tls, .dtls])
    func withTLSWhoHasTheTicket(_ transport: ClientTransport) {
        let owner = client("192.0.2.1:1000", transport)
        let answer = server.expect(owner.allocate(.empty(.mobilityTicket)))
        #expect(answer[0].hasSuffix(" ticket"))
        // Who saw the ticket in the clear could come with it so.
        for plain in [ClientTransport.udp, .tcp] {
            let thief = client("198.51.100.9:2000", plain)
            #expect(server.expect(thief.resume(with: owner.ticket)) == ["refresh 405"])
        }
        #expect(server.statistics.moves == 0)
        let roamer = client("198.51.100.9:2000", transport)
        let request = roamer.resume(with: owner.ticket)
        #expect(server.expect(request) == ["refresh ok lifetime=600 ticket"])
        #expect(server.statistics.moves == 1)
    }

    @Test func nobodyIsAskedOnOtherThreadsForAStranger() {
        let owner = client("192.0.2.1:1000", .tls)
        _ = server.expect(owner.allocate(.empty(.mobilityTicket), .lifetime(600)))
        #expect(
            server.expect(owner.request(.refresh, .lifetime(0))) == [
                "refresh ok lifetime=0", "close 50000",
            ]
        )
        server.server.asksElsewhere = true
        let thief = client("198.51.100.9:2000", .udp)
        #expect(server.expect(thief.resume(with: owner.ticket)) == ["refresh 405"])
        let roamer = client("198.51.100.9:2000", .dtls)
        #expect(server.expect(roamer.resume(with: owner.ticket)) == ["elsewhere any"])
    }

    @Test func withCredentialsTheUser() {
        let fixture = MobilityFixture()
        #expect(fixture.moved().ticket != fixture.alice.ticket)
        let bob = fixture.elsewhere("198.51.100.7:1", "bob")
        #expect(
            fixture.server.expect(bob.resume(with: fixture.alice.ticket)) == ["refresh 441 sha1"]
        )
    }
}
