/// How many connections a relay thread takes, and for how long.

public import STUN
public import TURN

/// The bounds of connections.
public struct ConnectionLimits: Sendable {
    /// Connections of a thread; 0 takes none.
    public var connections = 0
    /// Connections from one IPv4 address or one IPv6 /64; 0: no limit but the other.
    public var perSource: UInt32 = 0
    /// Handshakes of TLS and DTLS at a time.
    public var handshakes = 1024
    /// How long a connection without an allocation may say nothing sensible.
    public var idleSeconds: UInt64 = 30
    /// Connections with peers that the TURN server may ask for (RFC 6062); 0: TCP is not relayed.
    var peers = 0

    /// Whether a connection may be joined to another.
    var joins: Bool { peers > 0 || webServer != nil }

    /// Load balancers that put a header of the PROXY protocol before what a client sends.
    public var proxies: [AddressPrefix] = []

    /// Where requests of HTTP go that are not for TURN over WebSocket; `nil`: they are refused.
    public var webServer: TransportAddress?

    /// No connections.
    public init() {}
}
