/// What the reference model remembers: plain dictionaries, every entry with its own expiry.

/// A broken invariant, in words.
struct Violation: Error {
    let text: String

    init(_ text: String) { self.text = text }
}

/// A socket of the server.
enum ServerSocket: Hashable {
    case listener(Int)
    case relay(UInt32)
}

/// What leaves one socket for one destination keeps its order; everything of that is one flow.
struct Flow: Hashable {
    let thread: Int
    let socket: ServerSocket
    let destination: Endpoint
}

/// The client's side of an allocation (RFC 8656, 3.2): UDP to a listener of a thread.
struct FiveTuple: Hashable {
    let thread: Int
    let listener: Int
    /// As the socket names it: a dual-stack one names an IPv4 client `::ffff:a.b.c.d`.
    let client: Endpoint

    /// The client as it must be told.
    var mapped: Endpoint { Endpoint(address: client.address.canonical, port: client.port) }

    /// What is sent to the client.
    var flow: Flow { Flow(thread: thread, socket: .listener(listener), destination: client) }
}

/// A relayed socket by its place in a thread.
struct RelayName: Hashable {
    let thread: Int
    let index: UInt32
}

/// A channel and its peer; `expiry` is when it stops carrying data.
struct ModelChannel {
    /// A number and its peer are kept for each other this long after the binding ended (RFC 8656, 12).
    static let hold = Nanoseconds.seconds(300)

    let peer: Endpoint
    var expiry: Nanoseconds
}

/// A relayed transport address of an allocation, with the lifetime it has for itself (RFC 8656, 8.1).
struct ModelRelay {
    var name: RelayName
    /// The relayed transport address as the client is told.
    let relayed: Endpoint
    var expiry: Nanoseconds
}

/// One allocation (RFC 8656, 3).
struct ModelAllocation {
    /// What it is known by while its 5-tuple changes.
    let id: Int
    /// Where the client is.
    var fiveTuple: FiveTuple
    /// Where the client moves to, until it sends data from there (RFC 8016, 3.2.2).
    var next: FiveTuple?
    /// The thread that has it; or that it is on its way to.
    var thread: Int
    var isTravelling = false
    /// All tickets that were good for it, the newest last; nil for one that no answer told (RFC 8016, 3.3).
    var tickets: [[UInt8]?] = []
    /// By family code; one, or two of different families.
    var relays: [UInt8: ModelRelay]
    let user: String
    let transaction: [UInt8]
    let reservationToken: [UInt8]?
    /// By IP address only (RFC 8656, 9).
    var permissions: [Address: Nanoseconds] = [:]
    var channels: [UInt16: ModelChannel] = [:]
    /// When the client was told of ICMP errors of late.
    var told: [Nanoseconds] = []

    var expiry: Nanoseconds { relays.values.map(\.expiry).max() ?? 0 }

    /// The paths on which data may reach the client: never any other.
    var paths: [FiveTuple] { [fiveTuple, next].compactMap(\.self) }

    /// Whether one of its paths is this one.
    func isReached(by client: FiveTuple) -> Bool { fiveTuple == client || next == client }

    /// What is sent to the client, on each of its paths.
    var flows: [Flow] {
        paths.map {
            Flow(thread: thread, socket: .listener($0.listener), destination: $0.client)
        }
    }

    /// Whether the client is at a place, or on its way there.
    func hasMoved(to client: FiveTuple) -> Bool { (next ?? fiveTuple) == client }

    /// The relayed address for peers with an address like this one.
    func relay(for address: Address, at now: Nanoseconds) -> ModelRelay? {
        relays[address.familyCode].flatMap { now < $0.expiry ? $0 : nil }
    }

    /// The relayed addresses that have not ended, IPv4 first.
    func relayed(at now: Nanoseconds) -> [Endpoint] {
        [1, 2].compactMap { relays[$0] }.filter { now < $0.expiry }.map(\.relayed)
    }

    func isPermitted(_ address: Address, at now: Nanoseconds) -> Bool {
        permissions[address].map { now < $0 } ?? false
    }

    /// The live channel of a peer.
    func channel(of peer: Endpoint, at now: Nanoseconds) -> UInt16? {
        channels.first { $0.value.peer == peer && now < $0.value.expiry }?.key
    }
}

/// A nonce that the server gave out.
struct IssuedNonce {
    let client: Endpoint
    let time: Nanoseconds
    /// The PASSWORD-ALGORITHMS sent with it.
    let algorithms: [UInt8]?
}

/// A port kept by EVEN-PORT with R = 1.
struct ModelReservation {
    let endpoint: Endpoint
    let expirySeconds: Nanoseconds
}

/// Something that reached a thread of the server.
struct Input {
    enum Origin {
        case client(FiveTuple)
        case peer(Endpoint, RelayName)
        /// What ICMP says about a datagram to a peer.
        case error(ICMPMessage, about: Endpoint, RelayName)
        /// A peer's datagram that came to where a client's relayed address was before.
        case follows(Endpoint, FiveTuple, UInt8)
        /// A client's message that came by way of another thread, and is judged here.
        case passedOn(FiveTuple)
        /// The same, and this thread does not have its allocation either, if it was asked and not only known to have it.
        case passedFurther(FiveTuple, wasAsked: Bool)
        /// A client's message that is back; from all others, or from one that was thought to have the allocation, and
        /// then all are asked, or not.
        case returned(FiveTuple, isFinal: Bool, isAsking: Bool)
        /// What another thread answers a client, and whether it has an allocation for it.
        case answer(FiveTuple, isOwner: Bool)
        /// The allocation of a client goes to the client's thread.
        case leaves(FiveTuple)
        /// It is there, with these sockets by family; or is not, and has ended.
        case arrives(FiveTuple, [UInt8: RelayName], isInstalled: Bool)
    }

    let origin: Origin
    let bytes: [UInt8]
}

/// A relayed socket that the server asked for, and what came of it.
struct SocketEvent {
    enum Outcome {
        /// One socket, or one of each family.
        case opened([(name: RelayName, endpoint: Endpoint)], reserved: Endpoint?)
        /// 486.
        case quotaReached
        /// 508: a fault was injected, or there really was no port.
        case unavailable
    }

    /// The reservation that was asked for.
    let token: [UInt8]?
    let outcome: Outcome
}

/// Everything the server sent in a pass.
struct Outputs {
    private var flows: [Flow: ArraySlice<[UInt8]>] = [:]

    mutating func append(_ bytes: [UInt8], to flow: Flow) {
        flows[flow, default: []].append(bytes)
    }

    /// The next datagram of a flow.
    func head(_ flow: Flow) -> [UInt8]? { flows[flow]?.first }

    mutating func removeHead(_ flow: Flow) {
        flows[flow]?.removeFirst()
        if flows[flow]?.isEmpty == true { flows[flow] = nil }
    }

    /// Something that was sent and that nobody asked for.
    var unexplained: (flow: Flow, bytes: [UInt8])? {
        flows.first.flatMap { flow, queue in queue.first.map { (flow, $0) } }
    }
}
