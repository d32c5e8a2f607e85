/// How a client reaches this server.
public import STUN

/// What carries a client's messages (RFC 8656 3.1).
public enum ClientTransport: UInt8, Sendable, BitwiseCopyable {
    /// A message is a datagram.
    case udp
    /// Messages follow one another in a stream (RFC 8489 6.2.2).
    case tcp
    /// The same under TLS.
    case tls
    /// A message is a datagram under DTLS (RFC 7350).
    case dtls

    /// Whether messages come as a stream of bytes: ChannelData is padded then (RFC 8656 12.5), and the end of the
    /// connection is the end of the allocation.
    public var isStream: Bool {
        switch self {
        case .tcp, .tls: true
        case .udp, .dtls: false
        }
    }

    /// Whether the client has checked a certificate of ours.
    var isSecure: Bool {
        switch self {
        case .tls, .dtls: true
        case .udp, .tcp: false
        }
    }

    /// Whether the client's address is proved before its first message: nobody else can be struck by an answer.
    var isVerified: Bool { self != .udp }
}

/// A client's connection to this thread; numbered by the loop.
public struct ConnectionIndex: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    /// The loop's number.
    public let rawValue: UInt32

    /// The connection numbered `rawValue`.
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// No connection: plain UDP.
    public static let none = ConnectionIndex(rawValue: .max)
}

/// The client's side of an allocation: its address, our socket, and what is between them (RFC 8656 3.1, 5-tuple).
public struct FiveTuple: Hashable, Sendable, BitwiseCopyable {
    /// The client's address as the kernel gives it.
    public var client: TransportAddress
    /// The socket it sent to.
    public var listener: ListenerIndex
    /// What carries its messages.
    public var transport: ClientTransport
    /// Its connection; `.none` over UDP.
    public var connection: ConnectionIndex

    /// A client on a listening socket.
    public init(
        client: TransportAddress,
        listener: ListenerIndex,
        transport: ClientTransport = .udp,
        connection: ConnectionIndex = .none
    ) {
        self.client = client
        self.listener = listener
        self.transport = transport
        self.connection = connection
    }
}

extension FiveTuple: FlatTableKey {
    /// Of address and socket alone, which tell 5-tuples apart well enough; the rest is compared.
    public func hashed(by hash: KeyedHash) -> UInt64 {
        hash(client.ip.high, client.ip.low, client.rest | UInt64(listener.rawValue) &<< 24)
    }
}
