/// The tests' one verb: feed the server one input at a time, and read all it wants done as text.
///
///     #expect(server.expect(alice.allocate()) == ["allocate ok relayed=50.0.0.1:50000 lifetime=600 …"])
import STUN

@testable import TURN

/// One thing that happens to a server.
enum TestInput {
    /// A datagram from a client.
    case client(TestClient, [UInt8])
    /// A datagram with this text, from this address, on the relayed socket with this port.
    case peer(String, UInt16, String)
    /// An ICMP error about a datagram to this address, from the relayed socket with this port.
    case icmp(ICMPError, String, UInt16)
    /// What became of the connection that the server wanted to this peer.
    case connected(String, Bool)
    /// A connection from this address has come in on the relayed port.
    case accepted(String, UInt16)
    /// The connection with this peer, or the client's that is joined to it, has ended.
    case peerEnd(String)
    /// A client's connection has ended.
    case end(TestClient)
    /// Nothing: time passes, and the loop looks at the deadlines.
    case time
}

/// A server with the part of the loop: it opens relayed sockets, obeys verdicts, drains commands.
final class TestServer {
    var server: TURNServer
    /// Connections with peers as the server named them last, with the client and the request that asked for each.
    var tcp = TestTCPConnections()
    /// Live relayed ports by the index of their socket.
    var relays: [UInt32: UInt16] = [:]
    private var nextRelay: UInt32 = 1
    /// The next port to be opened.
    var nextPort: UInt16 = 50_000
    /// What happens to the next request for a socket; nil: it is opened.
    var outcome: RelayOutcome?
    /// The last request for a socket.
    private(set) var relayRequest: RelayRequest?

    /// When the tests' time 0 is.
    static let start = Now(
        monotonic: Instant(nanoseconds: 5_000_000_000_000),
        unixSeconds: 1_800_000_000
    )

    /// A server with users alice and bob, relaying both families; `configure` changes that.
    init(_ configure: (inout ServerConfiguration) -> Void = { _ in }) {
        var configuration = ServerConfiguration()
        configuration.users = [("alice", "wonder"), ("bob", "builder")].compactMap {
            StaticUser(name: $0.0, password: $0.1)
        }
        configuration.secrets = [Array("north".utf8), Array("south".utf8)]
        configuration.relayIPv4 = IPAddress("50.0.0.1")
        configuration.relayIPv6 = IPAddress("2a00:50::1")
        configuration.nonceLifetimeSeconds = 86_400
        configuration.unauthenticatedPerSecond = 0
        configuration.unauthenticatedTotalPerSecond = 0
        configuration.allocationCapacity = 64
        configure(&configuration)
        server = TURNServer(
            configuration: configuration,
            seed: [UInt8](repeating: 42, count: RandomSource.seedCount)
        )
    }

    var statistics: Statistics { server.statistics }

    /// The allocation at a place, at the tests' time 0.
    func allocation(at place: UInt32) -> AllocationSummary? {
        server.allocation(at: place, now: TestServer.start)
    }

    /// Whether new allocations are made elsewhere.
    var isDraining: Bool {
        get { server.isDraining }
        set { server.isDraining = newValue }
    }

    /// Seconds until the server wants to look at its deadlines, from the tests' time 0.
    var nextDeadline: Double? {
        server.nextDeadline.map {
            Double($0.nanoseconds(since: TestServer.start.monotonic)) / 1e9
        }
    }

    /// Feeds one input, and returns all that the server wants done, in order.
    func expect(_ input: TestInput, at seconds: Double = 0) -> [String] {
        let now = TestServer.now(seconds)
        var outputs: [String]
        switch input {
        case .client(let client, let bytes): outputs = receive(bytes, from: client, now)
        case .connected(let peer, let isConnected):
            outputs = [connectFinished(peer, isConnected, now)]
        case .accepted(let peer, let port): outputs = [accept(peer, on: port, now)]
        case .peerEnd(let peer):
            tcp.names[peer].map { server.peerConnectionEnded($0) }
            outputs = []
        case .peer(let peer, let port, let text):
            outputs = receive(text, from: address(peer), on: port, now)
        case .icmp(let error, let peer, let port):
            outputs = [receive(error, about: address(peer), on: port, now)]
        case .end(let client):
            server.connectionEnded(client.fiveTuple)
            outputs = []
        case .time:
            server.expire(at: now, limit: .max)
            outputs = []
        }
        while let command = server.nextCommand() { outputs += obey(command, now) }
        return outputs
    }

    /// The time `seconds` after the tests' time 0.
    static func now(_ seconds: Double) -> Now {
        Now(
            monotonic: start.monotonic.advanced(byNanoseconds: UInt64(seconds * 1e9)),
            unixSeconds: start.unixSeconds + UInt64(seconds)
        )
    }

    private func receive(_ bytes: [UInt8], from client: TestClient, _ now: Now) -> [String] {
        var buffer = [UInt8](repeating: 0xEE, count: Limits.replyBytes)
        var span = buffer.mutableSpan
        var reply = span.mutableBytes
        var verdict = server.receive(
            bytes.span.rawBytes,
            from: client.fiveTuple,
            at: now,
            reply: &reply
        )
        if case .open(let request) = verdict {
            verdict = server.finishAllocate(open(request), at: now, reply: &reply)
        }
        switch verdict {
        case .drop(let reason): return ["drop \(reason)"]
        case .reply(let count): return [describe(Array(buffer[..<count]), to: bytes, of: client)]
        case .replyElsewhere(let count, let way):
            let answer = describe(Array(buffer[..<count]), to: bytes, of: client)
            return [answer + " → \(way.client.description)/\(way.listener.rawValue)"]
        case .forward(let forward): return [describe(forward, bytes)]
        case .open: return ["open again"]
        case .connect(let request): return [connect(request, client, bytes)]
        case .join(let connection, let count):
            let answer = describe(Array(buffer[..<count]), to: bytes, of: client)
            return [answer, "join " + tcp.peer(of: connection)]
        case .elsewhere(let thread): return ["elsewhere \(thread.map { "\($0)" } ?? "any")"]
        }
    }

    /// Does what the loop does with a request for a socket.
    private func open(_ request: RelayRequest) -> RelayOutcome {
        relayRequest = request
        if let outcome {
            self.outcome = nil
            return outcome
        }
        let relay = openRelay(request)
        guard request.additionalFamily != nil else {
            return .opened(relay: relay.index, port: relay.port, address: relay.address)
        }
        var second = request
        second.address = request.additionalAddress
        return .openedBoth(relay, additional: openRelay(second))
    }

    /// Opens a relayed socket of its own, on the next port.
    func openRelay(_ request: RelayRequest? = nil) -> OpenedRelay {
        if case .even? = request?.kind, nextPort % 2 == 1 { nextPort += 1 }
        defer {
            nextRelay += 1
            nextPort += 1
        }
        relays[nextRelay] = nextPort
        return OpenedRelay(
            index: RelayIndex(rawValue: nextRelay),
            port: nextPort,
            address: request?.address ?? 0
        )
    }

    private func receive(
        _ text: String,
        from peer: TransportAddress,
        on port: UInt16,
        _ now: Now
    ) -> [String] {
        let relay = relays.first { $0.value == port }?.key ?? 999
        let verdict = server.receive(
            fromPeer: peer,
            on: RelayIndex(rawValue: relay),
            count: text.utf8.count,
            at: now
        )
        switch verdict {
        case .drop(let reason): return ["drop \(reason)"]
        case .deliver(let delivery):
            let payload = Array(text.utf8)
            let copy =
                delivery.isCopied
                ? server.copy(of: delivery, count: payload.count, at: now) : nil
            return [delivery, copy].compactMap { $0.map { describe($0, payload) } }
        }
    }

    private func describe(_ forward: Forward, _ datagram: [UInt8]) -> String {
        let payload = datagram[forward.offset..<forward.offset + forward.count]
        let port = relays[forward.relay.rawValue] ?? 0
        return "\(port) → \(forward.destination.description): "
            + String(decoding: payload, as: UTF8.self)
            + (forward.isOwnRelayAddress ? " (own)" : "")
            + (forward.isDontFragment ? " (df)" : "")
    }
}
