/// What the tables hold: allocations, permissions, channels, and the keys under which they are found.
import STUN

/// An allocation (RFC 8656 3.2).
struct Allocation: BitwiseCopyable {
    var fiveTuple: FiveTuple
    /// Who made it; nil when nothing had to be proved.
    var identity: Identity?
    /// The request that made it, to know its retransmission.
    var transactionID: TransactionID
    /// The token in the answer to that request; 0: none.
    var reservationToken: UInt64
    /// Its relayed transport addresses; at least one is open.
    var ipv4 = Relay.none
    var ipv6 = Relay.none
    /// What is relayed.
    var transport = RelayTransport.udp
    /// The ADDRESS-ERROR-CODE in the answer to that request; 0: none.
    var addressError: UInt32
    var permissionCount: UInt16 = 0
    var channelCount: UInt16 = 0
    /// The list of its permissions, through `Permission.next`.
    var firstPermission = Slot<Permission>.none
    /// The list of its channels, through `Channel.next`.
    var firstChannel = Slot<Channel>.none
    var tcpConnectionCount: UInt16 = 0
    /// The list of its connections with peers, through `TCPConnection.next`.
    var firstTCPConnection = Slot<TCPConnection>.none
    /// The channel asked for last, as most clients have one; none after any was removed.
    var recentChannel = Slot<Channel>.none
    var mobility = Mobility()
    var bandwidthToPeers = TokenBucket()
    var bandwidthToClient = TokenBucket()
    /// What its client is told of ICMP errors.
    var icmp = TokenBucket()
    /// The name in the request that made it, for people to read.
    var user = UserName()

    /// The user as quotas count him; 0 when nothing had to be proved.
    var userTag: UInt64 { identity?.userTag ?? 0 }

    /// When it ends: with the last of its relayed addresses.
    var expiry: Instant { max(ipv4.expiry, ipv6.expiry) }

    /// When the first of its relayed addresses ends.
    var firstExpiry: Instant {
        guard ipv4.isOpen else { return ipv6.expiry }
        return ipv6.isOpen ? min(ipv4.expiry, ipv6.expiry) : ipv4.expiry
    }

    /// The relayed address that reaches peers of a family.
    subscript(family: AddressFamily) -> Relay {
        get {
            switch family {
            case .ipv4: ipv4
            case .ipv6: ipv6
            }
        }
        set {
            switch family {
            case .ipv4: ipv4 = newValue
            case .ipv6: ipv6 = newValue
            }
        }
    }
}

/// A relayed transport address of an allocation; one with two of them is refreshed, and ends, family by
/// family (RFC 8656 8.1).
struct Relay: BitwiseCopyable {
    var index: RelayIndex
    var port: UInt16
    /// The number of its relay address.
    var address: UInt8 = 0
    /// When it ends; the origin of time when there is none.
    var expiry: Instant

    /// No relayed address.
    static var none: Relay {
        Relay(index: RelayIndex(rawValue: .max), port: 0, expiry: Instant(nanoseconds: 0))
    }

    /// Whether there is one.
    var isOpen: Bool { index.rawValue != .max }
}

/// Leave to exchange data with any port of a peer's IP address (RFC 8656 9).
struct Permission: BitwiseCopyable {
    var key: PermissionKey
    var expiry: Instant
    var next: Slot<Permission>
}

/// A permission's allocation and its peer, as `OwnAddresses.canonical` names it.
struct PermissionKey: FlatTableKey {
    var allocation: Slot<Allocation>
    var peer: IPAddress

    func hashed(by hash: KeyedHash) -> UInt64 {
        hash(peer.high, peer.low, UInt64(allocation.rawValue) &<< 8 | UInt64(peer.family.rawValue))
    }
}

/// A channel (RFC 8656 12), also while it is held after its end.
struct Channel: BitwiseCopyable {
    var allocation: Slot<Allocation>
    var number: UInt16
    /// The binding has ended; number and peer stay taken until the hold has ended too.
    var isHeld = false
    /// When the binding ends, or ended.
    var expiry: Instant
    var peer: TransportAddress
    /// The live permission of the peer's address; none when it has ended before the channel.
    var permission: Slot<Permission>
    var next: Slot<Channel>

    /// When something happens to the channel: the binding's end, then the hold's.
    var deadline: Instant {
        isHeld ? expiry.advanced(bySeconds: UInt64(Limits.channelHoldSeconds)) : expiry
    }
}

/// A channel by its number.
struct ChannelNumberKey: FlatTableKey {
    var allocation: Slot<Allocation>
    var number: UInt16

    func hashed(by hash: KeyedHash) -> UInt64 {
        hash(UInt64(allocation.rawValue) &<< 16 | UInt64(number))
    }
}

/// A channel by its peer.
struct ChannelPeerKey: FlatTableKey {
    var allocation: Slot<Allocation>
    var peer: TransportAddress

    func hashed(by hash: KeyedHash) -> UInt64 {
        hash(peer.ip.high, peer.ip.low, peer.rest | UInt64(allocation.rawValue) &<< 24)
    }
}

extension TransportAddress {
    /// Port and family: what the two words of the IP address leave, in 24 bits.
    var rest: UInt64 {
        UInt64(ip.family.rawValue) &<< 16 | UInt64(port)
    }
}
