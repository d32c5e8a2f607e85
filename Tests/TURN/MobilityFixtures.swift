import STUN

@testable import TURN

/// A server that allows mobility, and a client with a ticket, a channel and a peer.
struct MobilityFixture {
    static let peer = "8.8.8.8:53"

    let server: TestServer
    let alice: TestClient

    init(
        transport: ClientTransport = .udp,
        _ configure: (inout ServerConfiguration) -> Void = { _ in }
    ) {
        server = TestServer {
            $0.allowsMobility = true
            configure(&$0)
        }
        alice = server.client()
        alice.transport = transport
        if transport != .udp { alice.connection = ConnectionIndex(rawValue: 7) }
        _ = server.expect(alice.allocate(.empty(.mobilityTicket)))
        _ = server.expect(alice.bind(0x4000, to: Self.peer))
    }

    /// The same user elsewhere, who has sent nothing but what a nonce takes.
    func elsewhere(_ address: String = "198.51.100.9:2000", _ user: String = "alice") -> TestClient
    {
        server.client(address, user)
    }

    /// The user elsewhere, let in with the newest ticket.
    func moved(to address: String = "198.51.100.9:2000") -> TestClient {
        let client = elsewhere(address)
        let outputs = server.expect(client.resume(with: alice.ticket))
        precondition(outputs == ["refresh ok lifetime=600 ticket sha1"], "\(outputs)")
        return client
    }

    /// Where a peer's data goes.
    func receiver(_ text: String = "p", at seconds: Double = 0) -> [String] {
        server.expect(.peer(Self.peer, 50_000, text), at: seconds)
    }

    /// The addresses to which one datagram of a peer goes on the channel.
    func receivers(at seconds: Double = 0) -> [String] {
        receiver(at: seconds).map { line in
            guard line.hasPrefix("channel 4000 → "), line.hasSuffix("/0: p") else { return line }
            return String(line.dropFirst("channel 4000 → ".count).dropLast("/0: p".count))
        }
    }
}
