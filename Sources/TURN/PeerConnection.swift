/// Connections with the peers of TCP allocations, as the server and its loop speak of them (RFC 6062).
public import STUN

/// A peer data connection: its place in the tables of server and loop, and the name that it keeps for life.
///
/// A value whose connection has ended is harmless: it is recognised by its id.
public struct PeerConnection: Hashable, Sendable, BitwiseCopyable {
    /// Its place, below `ServerConfiguration.tcpConnectionCapacity`; another connection may have it later.
    public let index: UInt32
    /// Its CONNECTION-ID.
    public let id: ConnectionID

    init(_ slot: Slot<TCPConnection>, _ id: ConnectionID) {
        index = slot.rawValue
        self.id = id
    }
}

/// A connection that the loop shall make to a peer (RFC 6062 5.2).
public struct ConnectRequest: Equatable, Sendable, BitwiseCopyable {
    /// What becomes of it is told under this name.
    public var connection: PeerConnection

    /// The relayed socket whose address and port the connection comes from.
    public var relay: RelayIndex

    /// Where to: the address to hand to the kernel, of the relay's family.
    public var peer: TransportAddress

    /// The peer is an address of this server: connect only to a port that is a live relayed TCP port.
    public var isOwnRelayAddress: Bool
}

/// What is to be done after something happened to a peer's connection.
public enum PeerConnectionVerdict: Equatable, Sendable {
    /// End it, if there is one; the client is told nothing, and the reason is counted.
    case drop(DropReason)
    /// Keep it, and do not read from it yet; send the first `count` bytes of the reply buffer to the client.
    case pending(PeerConnection, client: FiveTuple, count: Int)
    /// There is none; send the first `count` bytes of the reply buffer to the client.
    case failed(client: FiveTuple, count: Int)
}
