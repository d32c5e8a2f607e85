/// The seam between the relay engine and whatever owns sockets.

public import STUN
public import TURN

/// Opens and closes relayed sockets for the engine: the relay loop with the kernel's, a simulator with a table.
///
/// Both verbs act at once; neither blocks.
public protocol RelayOpener: ~Copyable {
    /// Opens the relayed socket that an Allocate request asks for, or two (RFC 8656 7.2).
    mutating func open(_ request: RelayRequest, at now: Now) -> RelayOutcome

    /// Closes a relayed socket and gives its port back; with an allocation's last one, its share of the quota.
    mutating func close(_ relay: RelayIndex, userTag: UInt64, isLast: Bool, at now: Now)

    /// Whether an address, one of our own relay addresses, is a relayed transport address over UDP that is open now.
    func isLive(_ relayed: TransportAddress) -> Bool

    /// Whether an address, one of our own relay addresses, is a relayed transport address over TCP that is open now.
    func isLive(stream relayed: TransportAddress) -> Bool

    /// Begins a connection from a relayed address to a peer (RFC 6062 5.2).
    ///
    /// - Returns: its descriptor, the caller's; `nil` when the system refuses.
    mutating func connect(from relay: RelayIndex, to peer: TransportAddress) -> Int32?

    /// Begins a connection to the web server that a port for streams is shared with.
    ///
    /// - Returns: its descriptor, the caller's; `nil` when the system refuses.
    mutating func connect(toWebServer address: TransportAddress) -> Int32?
}

extension RelayOpener where Self: ~Copyable {
    /// There is none.
    public mutating func connect(toWebServer address: TransportAddress) -> Int32? { nil }
}
