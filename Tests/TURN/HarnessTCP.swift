/// The loop's part in TCP allocations (RFC 6062): connections with peers, as a test plays them.
import STUN

@testable import TURN

/// The connections that the loop of a test has with peers, by the peer's address as text.
struct TestTCPConnections {
    var names: [String: PeerConnection] = [:]
    /// Who asked for a connection, and in which message.
    var requests: [String: (client: TestClient, bytes: [UInt8])] = [:]

    func peer(of connection: PeerConnection) -> String {
        names.first { $0.value == connection }?.key ?? "nobody"
    }
}

extension TestServer {
    /// A server that relays TCP.
    static func forTCP(_ configure: (inout ServerConfiguration) -> Void = { _ in }) -> TestServer {
        TestServer {
            $0.relaysTCP = true
            configure(&$0)
        }
    }

    /// A client over TCP; each has a connection of its own.
    func tcpClient(
        _ address: String = "192.0.2.1:1000",
        _ username: String? = "alice",
        at seconds: Double = 0
    ) -> TestClient {
        let client = client(address, username, at: seconds)
        client.transport = .tcp
        client.connection = ConnectionIndex(rawValue: UInt32(client.address.port))
        return client
    }

    /// A client with a TCP allocation; its relayed port is `nextPort` as it was.
    func tcpAllocatedClient(
        _ address: String = "192.0.2.1:1000",
        _ username: String? = "alice"
    ) -> TestClient {
        let client = tcpClient(address, username)
        let outputs = expect(client.request(.allocate, .transport(6)))
        precondition(outputs.count == 1 && outputs[0].hasPrefix("allocate ok"), "\(outputs)")
        return client
    }

    /// The id of the connection with a peer.
    func id(_ peer: String) -> ConnectionID? { tcp.names[peer]?.id }

    func connect(_ request: ConnectRequest, _ client: TestClient, _ bytes: [UInt8]) -> String {
        let peer = request.peer.description
        tcp.names[peer] = request.connection
        tcp.requests[peer] = (client, bytes)
        let port = relays[request.relay.rawValue] ?? 0
        return "connect \(port) → \(peer)" + (request.isOwnRelayAddress ? " (own)" : "")
    }

    func connectFinished(_ peer: String, _ isConnected: Bool, _ now: Now) -> String {
        guard let name = tcp.names[peer], let request = tcp.requests[peer] else {
            return "no connect"
        }
        var buffer = [UInt8](repeating: 0xEE, count: 1500)
        var span = buffer.mutableSpan
        var reply = span.mutableBytes
        let verdict = server.connectFinished(name, isConnected: isConnected, at: now, reply: &reply)
        switch verdict {
        case .drop(let reason): return "drop \(reason)"
        case .pending(let connection, let client, let count):
            precondition(connection == name && client == request.client.fiveTuple)
            return describe(Array(buffer[..<count]), to: request.bytes, of: request.client)
        case .failed(let client, let count):
            precondition(client == request.client.fiveTuple)
            return describe(Array(buffer[..<count]), to: request.bytes, of: request.client)
        }
    }

    func accept(_ peer: String, on port: UInt16, _ now: Now) -> String {
        var buffer = [UInt8](repeating: 0xEE, count: 1500)
        var span = buffer.mutableSpan
        var reply = span.mutableBytes
        let verdict = server.accepted(
            fromPeer: address(peer),
            on: RelayIndex(rawValue: relays.first { $0.value == port }?.key ?? 999),
            at: now,
            reply: &reply
        )
        switch verdict {
        case .drop(let reason): return "drop \(reason)"
        case .failed: return "failed"
        case .pending(let connection, let client, let count):
            tcp.names[peer] = connection
            return describeAttempt(Array(buffer[..<count]), connection.id, to: client)
        }
    }

    /// Does what a command says.
    func obey(_ command: Command, _ now: Now) -> [String] {
        switch command {
        case .close(let relay, _, _, _):
            return ["close \(relays.removeValue(forKey: relay.rawValue) ?? 0)"]
        case .disconnect(let connection): return ["disconnect " + tcp.peer(of: connection)]
        case .left(let connection): return ["left \(connection.rawValue)"]
        case .giveUp(let connection):
            let peer = tcp.peer(of: connection)
            return ["give up \(peer)", connectFinished(peer, false, now)]
        }
    }

    private func describeAttempt(
        _ bytes: [UInt8],
        _ id: ConnectionID,
        to client: FiveTuple
    ) -> String {
        guard let message = Message(bytes.span.rawBytes),
            message.type == MessageType(.connectionAttempt, .indication),
            let attribute = message.first(.connectionID),
            message.uint32(attribute) == id.rawValue
        else { return "malformed" }
        let peer = message.first(.xorPeerAddress).flatMap { message.xorAddress($0) }
        return "attempt from \(text(peer)) → \(client.client.description)"
    }
}
