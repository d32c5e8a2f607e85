/// What surrounds a TURN server: clients, peers, the clock, and a loop that obeys and checks its verdicts.

import STUN
import TURN

/// Stops the fuzzer with `problem` unless `condition` holds; a precondition is silent when optimised.
func require(_ condition: Bool, _ problem: @autoclosure () -> String) {
    guard condition else { fatalError(problem()) }
}

/// A server with everything that it may talk to.
struct World: ~Copyable {
    static let clients = addresses([
        "20.1.1.1:1000", "[::ffff:20.1.1.1]:1001", "[2a00::1]:1",
    ])
    static let peers = addresses([
        "20.2.2.2:2000", "20.2.2.3:2000", "[2a00::2]:2000", "[::ffff:20.2.2.2]:2001",
        "20.0.0.1:49152", "127.0.0.1:80", "[::ffff:10.0.0.1]:80", "20.2.2.2:0",
    ])
    static let policy = PeerPolicy()
    private static let listener = ListenerIndex(rawValue: 0)
    private static let capacity = 4
    static let user = Array("user".utf8)
    static let realm = Array("turnpike".utf8)
    static let key = IntegrityKey.md5(
        username: Array("user".utf8).span.bytes,
        realm: Array("turnpike".utf8).span.bytes,
        password: Array("password".utf8).span.bytes
    )

    private var server: TURNServer
    private var now = Now(monotonic: Instant(nanoseconds: 1 << 40), unixSeconds: 1_700_000_000)
    var openRelays: Set<UInt32> = []
    var nonces = [[UInt8]](repeating: [], count: clients.count)
    var transaction: UInt64 = 0
    let isAuthenticationRequired: Bool

    init(isAuthenticationRequired: Bool) {
        var configuration = ServerConfiguration()
        configuration.isAuthenticationRequired = isAuthenticationRequired
        configuration.users = [StaticUser(name: "user", password: "password")].compactMap { $0 }
        configuration.secrets = [Array("secret".utf8)]
        configuration.relayIPv4 = IPAddress("20.0.0.1")
        configuration.relayIPv6 = IPAddress("2a00::ffff")
        configuration.externalIPv4 = IPAddress("20.0.0.2")
        configuration.allocationCapacity = Self.capacity
        configuration.permissionsPerAllocation = 4
        configuration.channelsPerAllocation = 4
        configuration.bandwidthPerAllocation = 100_000
        configuration.unauthenticatedPerSecond = 0
        configuration.rfc5766Channels = !isAuthenticationRequired
        server = TURNServer(configuration: configuration, seed: [UInt8](repeating: 7, count: 32))
        self.isAuthenticationRequired = isAuthenticationRequired
    }

    private static func addresses(_ texts: [String]) -> [TransportAddress] {
        texts.compactMap { TransportAddress($0) }
    }

    /// Whether what the setting up wanted is there; or nothing behind it would be reached.
    var isReady: Bool {
        server.statistics.allocations == 1 && server.statistics.channels == 1
    }

    /// Plays one step of the script.
    mutating func play(_ script: inout Script) {
        let step = script.byte()
        let client = Int(step >> 4) % Self.clients.count
        switch step & 0xF {
        case 0: receive(script.block(), client)
        case 1, 2: receiveMessage(script.byte(), script.block(), client, isSigned: false)
        case 3, 4, 5: receiveMessage(script.byte(), script.block(), client, isSigned: true)
        case 6: receive([0x40, script.byte() & 7, 0] + script.block(), client)
        case 7, 8: sendChannelData(client, Self.peer(&script), script.block())
        case 9: send(client, Self.peer(&script), script.block())
        case 10: createPermission(client, Self.peer(&script))
        case 11: allocate(client: client)
        case 12: bindChannel(client: client, peer: Self.peer(&script))
        case 13, 14: receiveFromPeer(&script)
        default: pass(seconds: UInt64(script.byte()) << UInt64(script.byte() % 8))
        }
    }

    private static func peer(_ script: inout Script) -> Int {
        Int(script.byte()) % peers.count
    }

    /// Allocates by the book: asks for a nonce where one is needed, then for the allocation.
    mutating func allocate(client: Int) {
        let transport = attribute(.requestedTransport, [17, 0, 0, 0])
        if isAuthenticationRequired { receive(request(.allocate, transport, nil), client) }
        receive(request(.allocate, transport, client), client)
    }

    /// Binds channel 0x4000 + `peer`, which gives a permission too.
    mutating func bindChannel(client: Int, peer: Int) {
        var attributes = attribute(.channelNumber, [0x40, UInt8(peer), 0, 0])
        attributes += xorPeerAddress(Self.peers[peer])
        receive(request(.channelBind, attributes, client), client)
    }

    private mutating func createPermission(_ client: Int, _ peer: Int) {
        receive(request(.createPermission, xorPeerAddress(Self.peers[peer]), client), client)
    }

    private mutating func send(_ client: Int, _ peer: Int, _ payload: [UInt8]) {
        let attributes = xorPeerAddress(Self.peers[peer]) + attribute(.data, payload)
        receive(message(MessageType(.send, .indication), attributes, nil), client)
    }

    private mutating func sendChannelData(_ client: Int, _ peer: Int, _ payload: [UInt8]) {
        let count = [UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        receive([0x40, UInt8(peer)] + count + payload, client)
    }

    private mutating func receiveMessage(
        _ kind: UInt8,
        _ attributes: [UInt8],
        _ client: Int,
        isSigned: Bool
    ) {
        let methods: [Method] = [
            .allocate, .refresh, .createPermission, .channelBind, .send, .binding, .data, .connect,
        ]
        let method = methods[Int(kind) % methods.count]
        let isIndication = method == .send || kind & 0x80 != 0
        let type = MessageType(method, isIndication ? .indication : .request)
        let whole = Array(attributes.prefix(attributes.count & ~3))
        receive(message(type, whole, isSigned ? client : nil), client)
    }

    private mutating func receive(_ datagram: [UInt8], _ client: Int) {
        var buffer = [UInt8](repeating: 0xEE, count: 1500)
        var span = buffer.mutableSpan
        var reply = span.mutableBytes
        let from = FiveTuple(client: Self.clients[client], listener: Self.listener)
        let bytes = datagram.span.bytes
        var verdict = server.receive(bytes, from: from, at: now, reply: &reply)
        if case .open(let wanted) = verdict {
            verdict = server.finishAllocate(open(wanted), at: now, reply: &reply)
        }
        switch verdict {
        case .drop, .elsewhere: break
        case .reply(let count): check(reply: Array(buffer[..<count]), client)
        case .forward(let forward): check(forward, datagram)
        case .replyElsewhere: fatalError("NAT discovery is not configured")
        case .open: fatalError("finishAllocate opens nothing")
        case .connect, .join: fatalError("TCP is not relayed")
        }
        obey()
    }

    private mutating func open(_ request: RelayRequest) -> RelayOutcome {
        require(request.ports.contains(request.firstPort), "first port out of range")
        switch request.kind {
        case .reserved(let token) where token % 3 == 0: return .unavailable
        case .any, .even, .reserved: break
        }
        guard transaction % 7 != 6 else { return .quotaReached }
        let relay = openRelay()
        guard request.additionalFamily != nil else {
            return .opened(relay: relay.index, port: relay.port)
        }
        switch transaction % 3 {
        case 0: return .openedAdditional(relay)
        case 1: return .opened(relay: relay.index, port: relay.port)
        default: return .openedBoth(relay, additional: openRelay())
        }
    }

    private mutating func openRelay() -> OpenedRelay {
        guard let relay = (UInt32(0)...16).first(where: { !openRelays.contains($0) }) else {
            fatalError("more relays than allocations may have")
        }
        openRelays.insert(relay)
        return OpenedRelay(
            index: RelayIndex(rawValue: relay),
            port: 49_152 + UInt16(relay)
        )
    }

    private mutating func receiveFromPeer(_ script: inout Script) {
        let peer = Self.peers[Self.peer(&script)]
        let relay = RelayIndex(rawValue: UInt32(script.byte() % 20))
        let count = Int(script.byte()) << Int(script.byte() % 10)
        guard count <= Limits.datagramBytes else { return }
        let verdict = server.receive(fromPeer: peer, on: relay, count: count, at: now)
        guard case .deliver(let delivery) = verdict else { return }
        require(openRelays.contains(relay.rawValue), "delivered from a closed relay")
        require(Self.clients.contains(delivery.fiveTuple.client), "delivered to a stranger")
        check(delivery, count)
        obey()
    }

    private mutating func pass(seconds: UInt64) {
        now.monotonic = now.monotonic.advanced(bySeconds: seconds)
        now.unixSeconds += seconds
        server.expire(at: now, limit: 16)
        if let next = server.nextDeadline { require(next > now.monotonic, "a deadline passed") }
        obey()
    }

    private mutating func obey() {
        while let command = server.nextCommand() {
            switch command {
            case .close(let relay, _, _, _):
                require(openRelays.remove(relay.rawValue) != nil, "closed twice")
            case .left: break
            case .disconnect, .giveUp: fatalError("TCP is not relayed")
            }
        }
        let allocations = Int(server.statistics.allocations)
        require(allocations <= Self.capacity, "more allocations than there is room for")
        require(
            (allocations...2 * allocations).contains(openRelays.count),
            "a relay was lost, or kept"
        )
    }
}
