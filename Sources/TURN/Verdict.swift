/// What the server wants done with a datagram: values that go from the state machine to its loop.
public import STUN

/// A socket on which clients reach this thread; numbered by the loop.
public struct ListenerIndex: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    /// The loop's number.
    public let rawValue: UInt16

    /// The listener numbered `rawValue`.
    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }
}

/// A relayed socket of this thread; numbered by the loop, below `ServerConfiguration.relayIndexLimit`.
public struct RelayIndex: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    /// The loop's number.
    public let rawValue: UInt32

    /// The relayed socket numbered `rawValue`.
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }
}

/// What is to be done after a datagram from a client.
public enum Verdict: Equatable, Sendable {
    /// Nothing, and the reason is counted.
    case drop(DropReason)
    /// Send the first `count` bytes of the reply buffer to the client.
    case reply(count: Int)
    /// Send the first `count` bytes of the reply buffer not the way that the request came, but this (RFC 5780).
    case replyElsewhere(count: Int, to: FiveTuple)
    /// Send a part of the datagram to a peer.
    case forward(Forward)
    /// Open a relayed socket, then call `TURNServer.finishAllocate` at once, before any other call.
    case open(RelayRequest)
    /// Connect to a peer, then call `TURNServer.connectFinished`; there is no answer before (RFC 6062 5.2).
    case connect(ConnectRequest)
    /// Send the first `count` bytes of the reply buffer to the client, whose connection is from then on joined
    /// to the peer's: what comes on either, behind the message too, goes to the other as it is (RFC 6062 5.4).
    case join(PeerConnection, count: Int)
    /// Give the message to the thread that has the client's allocation; nil: any of the others may have it.
    case elsewhere(thread: UInt16?)
}

/// A payload on its way from a client to a peer: `datagram[offset..<offset + count]`.
public struct Forward: Equatable, Sendable, BitwiseCopyable {
    /// The relayed socket to send from.
    public var relay: RelayIndex

    /// Where to: the address to hand to the kernel, of the relay's family.
    public var destination: TransportAddress

    /// Where in the client's datagram the payload starts.
    public var offset: Int

    /// The payload's bytes; may be 0.
    public var count: Int

    /// The destination is an address of this server: forward only to a port that is a live relayed port.
    public var isOwnRelayAddress: Bool

    /// The client asked for the DF bit (RFC 8656 11.2): set it, or drop the datagram.
    public var isDontFragment: Bool

    /// A payload for `destination`.
    public init(
        relay: RelayIndex,
        destination: TransportAddress,
        offset: Int,
        count: Int,
        isOwnRelayAddress: Bool = false,
        isDontFragment: Bool = false
    ) {
        self.relay = relay
        self.destination = destination
        self.offset = offset
        self.count = count
        self.isOwnRelayAddress = isOwnRelayAddress
        self.isDontFragment = isDontFragment
    }
}

/// A relayed socket that the loop shall open for an allocation.
public struct RelayRequest: Equatable, Sendable {
    /// Which port is acceptable.
    public enum Kind: Equatable, Sendable, BitwiseCopyable {
        /// Any of the range.
        case any
        /// An even one; with `reserveNext` the next higher one is opened too and kept under
        /// `reservationToken` (RFC 8656 7.2, EVEN-PORT).
        case even(reserveNext: Bool)
        /// The one kept under `token` by an earlier request (RFC 8656 7.2, RESERVATION-TOKEN).
        case reserved(token: UInt64)
    }

    /// The family of the relayed address.
    public var family: AddressFamily

    /// What is relayed: over TCP the socket is to listen, and to leave its port to outgoing connections too.
    public var transport = RelayTransport.udp
    /// The family of a second relayed address for the same allocation, under the same terms; nil: none is
    /// wanted (RFC 8656 7.2, ADDITIONAL-ADDRESS-FAMILY).
    public var additionalFamily: AddressFamily?

    /// The numbers of the relay addresses of these families to be tried first.
    public var address: UInt8 = 0, additionalAddress: UInt8 = 0

    /// Which port is acceptable.
    public var kind: Kind

    /// A keyed hash of the username, for the quota of the user; 0 when the server is open to all.
    public var userTag: UInt64

    /// The ports to choose from.
    public var ports: ClosedRange<UInt16>

    /// A random port of the range: the first to be tried (RFC 6056).
    public var firstPort: UInt16

    /// A random number under which to keep the next port if `kind` is `.even(reserveNext: true)`.
    public var reservationToken: UInt64

    /// How long to keep that port.
    public var reservationSeconds: UInt32
}

/// A relayed socket that the loop has opened.
public struct OpenedRelay: Equatable, Sendable, BitwiseCopyable {
    /// Its number.
    public var index: RelayIndex

    /// The port it is bound to, and the number of its relay address.
    public var port: UInt16, address: UInt8

    /// The socket numbered `index` on `port`.
    public init(index: RelayIndex, port: UInt16, address: UInt8 = 0) {
        self.index = index
        self.port = port
        self.address = address
    }
}

/// What became of a `RelayRequest`.
public enum RelayOutcome: Equatable, Sendable, BitwiseCopyable {
    /// The socket is open, on a port of the relay address with that number; the additional one, if any was wanted, was
    /// not to be had.
    case opened(relay: RelayIndex, port: UInt16, address: UInt8 = 0)
    /// The socket is open, and so is the additional one.
    case openedBoth(OpenedRelay, additional: OpenedRelay)
    /// The additional socket alone is open.
    case openedAdditional(OpenedRelay)
    /// The user, or all users together, hold as many allocations as they may: 486.
    case quotaReached
    /// No such port is free, the token is unknown, or the system gave no socket: 508.
    case unavailable
}

/// What is to be done after a datagram from a peer.
public enum PeerVerdict: Equatable, Sendable, BitwiseCopyable {
    /// Nothing, and the reason is counted.
    case drop(DropReason)
    /// Send it to the client behind the header that `TURNServer.writeHeader(of:count:into:)` writes.
    case deliver(Delivery)
}

/// A payload on its way from a peer to a client.
public struct Delivery: Equatable, Sendable, BitwiseCopyable {
    /// The client, as the loop named it in `TURNServer.receive(_:from:at:reply:)`.
    public var fiveTuple: FiveTuple

    /// The channel bound to the peer; 0 asks for a Data indication.
    public var channel: UInt16

    /// The peer as the client knows it; said in a Data indication only.
    public var peer: TransportAddress

    /// The transaction of a Data indication; zero for ChannelData.
    public var transactionID: TransactionID

    /// The client is about to move (RFC 8016): `TURNServer.copy(of:count:at:)` says where to send it as well.
    public var isCopied = false
}

/// A rare effect, drained with `TURNServer.nextCommand()` after each call.
public enum Command: Equatable, Sendable, BitwiseCopyable {
    /// Close the relayed socket and give back its port; with the allocation's last one, its place in the
    /// quota of the user too. `client` is the connection whose allocation it was.
    case close(relay: RelayIndex, userTag: UInt64, isLast: Bool, client: ConnectionIndex)
    /// End a peer's connection, made or in the making, and the client's that is joined to it.
    case disconnect(PeerConnection)
    /// Give up connecting to a peer, then call `TURNServer.connectFinished`.
    case giveUp(PeerConnection)
    /// The client of this connection moved its allocation away (RFC 8016).
    case left(ConnectionIndex)
}
