/// What a thread's server is told at start. Parsed and checked elsewhere; here it is only obeyed.
public import STUN

/// The configuration of one `TURNServer`.
public struct ServerConfiguration: Sendable {
    /// The realm of the long-term credentials.
    public var realm = "turnpike"

    /// The SOFTWARE attribute of answers; empty: none.
    public var software = ""

    /// The key of the nonces, shared by the threads (and by the machines of a fleet); empty: from the seed.
    public var nonceKey: [UInt8] = []

    /// How long a nonce is accepted.
    public var nonceLifetimeSeconds: UInt32 = 600

    /// Users with a password or key of their own.
    public var users: [StaticUser] = []

    /// Secrets of time-limited (TURN REST) credentials; any of them is accepted.
    public var secrets: [[UInt8]] = []

    /// Keys that open access tokens (RFC 7635); none: tokens are not taken.
    public var accessTokenKeys: [AccessTokenKey] = []

    /// The name that access tokens are made for, told to clients; at most 255 bytes.
    public var serverName = ""

    /// Takes requests that HMAC-SHA1 has signed with the first 16 bytes of a session key too, as coturn does.
    ///
    /// RFC 7635 7 has the whole key.
    public var takesShortSessionKeys = false

    /// Whether clients must authenticate; an open relay otherwise, for tests and closed networks.
    public var isAuthenticationRequired = true

    /// The address of relayed IPv4 sockets; nil: IPv4 is not relayed.
    public var relayIPv4: IPAddress?

    /// The address of relayed IPv6 sockets; nil: IPv6 is not relayed.
    public var relayIPv6: IPAddress?

    /// The address told to clients in place of `relayIPv4`, when a NAT stands in between.
    public var externalIPv4: IPAddress?

    /// The address told to clients in place of `relayIPv6`.
    public var externalIPv6: IPAddress?

    /// More addresses of relayed sockets, numbered in each family behind those above.
    public var moreRelays: [RelayAddress] = []

    /// The ports of relayed sockets.
    public var ports: ClosedRange<UInt16> = 49152...65535

    /// Peers that are not relayed to or from.
    public var deny: [AddressPrefix] = PeerPolicy.defaultDeny

    /// Peers that are, where the prefix is as long as any that denies.
    public var allow: [AddressPrefix] = []

    /// Accepts channel numbers up to 0x7FFF, as RFC 5766 did; RFC 8656 ends at 0x4FFF.
    public var rfc5766Channels = false

    /// The family of relayed addresses of which none was asked for is the client's, where it is relayed.
    ///
    /// RFC 8656 7.2 has IPv4 for all.
    public var prefersClientFamily = false

    /// Takes attribute 0x8032 for ADDITIONAL-ADDRESS-FAMILY too, as clients made with coturn's library send it.
    public var takesCoturnNumber = false

    /// Adds MAPPED-ADDRESS to Binding answers, as RFC 3489 had it.
    public var tellsMappedAddress = false

    /// The addresses of listeners in the order of `ListenerIndex`: those for datagrams, then those for streams.
    public var listeners: [TransportAddress] = [], streamListeners: [TransportAddress] = []

    /// Where a client reached us; nil when that is no listener of these.
    func address(of listener: ListenerIndex) -> TransportAddress? {
        let index = Int(listener.rawValue)
        if index < listeners.count { return listeners[index] }
        let streamIndex = index - listeners.count
        return streamIndex < streamListeners.count ? streamListeners[streamIndex] : nil
    }

    /// Where NAT behaviour discovery is served (RFC 5780), at most one for each family.
    public var natDiscovery: [CrossedAddresses] = []

    /// Other servers, to which Allocate requests are sent on.
    public var alternates: [AlternateServer] = []

    /// When they are.
    public var redirect = RedirectPolicy.draining

    /// No new allocations are made; `TURNServer.isDraining` changes it.
    public var isDraining = false

    /// Whether clients may take an allocation with them to another address (RFC 8016).
    public var allowsMobility = false

    /// The most allocations of this thread.
    public var allocationCapacity = 10_000

    /// The most permissions of one allocation.
    public var permissionsPerAllocation = Limits.permissionsPerAllocation

    /// The most channels of one allocation, held ones included.
    public var channelsPerAllocation = Limits.channelsPerAllocation

    /// Relays TCP too (RFC 6062): the loop must know how to connect, to accept and to join.
    public var relaysTCP = false

    /// The most connections with peers of one TCP allocation.
    public var tcpConnectionsPerAllocation = Limits.tcpConnectionsPerAllocation

    /// The most connections with peers of this thread; `PeerConnection.index` stays below.
    public var tcpConnectionCapacity = Limits.tcpConnections

    /// The number of this thread among the process's: told by each CONNECTION-ID.
    public var threadNumber = 0

    /// Payload bytes per second and direction of one allocation; 0: unlimited.
    public var bandwidthPerAllocation: UInt64 = 0

    /// Unauthenticated requests per second that one source prefix gets answered; 0: unlimited.
    public var unauthenticatedPerSecond: UInt32 = 10

    /// Unauthenticated requests per second that all sources together get answered; 0: unlimited.
    public var unauthenticatedTotalPerSecond: UInt32 = 10_000

    /// The longest lifetime granted to an allocation (RFC 8656 7.2 suggests an hour).
    public var maximumLifetimeSeconds: UInt32 = 3600

    /// The lifetime of a permission (RFC 8656 9: 300 s).
    public var permissionLifetimeSeconds: UInt32 = 300

    /// The lifetime of a channel (RFC 8656 12: 600 s).
    public var channelLifetimeSeconds: UInt32 = 600

    /// The defaults above: no users, no relay address.
    public init() {}

    /// The addresses of relayed sockets of a family; a relayed socket goes by the number of its own.
    public func relayAddresses(_ family: AddressFamily) -> RelayAddressList {
        let (bound, external) =
            switch family {
            case .ipv4: (relayIPv4, externalIPv4)
            case .ipv6: (relayIPv6, externalIPv6)
            }
        let first = bound.map { RelayAddress($0, external: external) }
        return RelayAddressList(
            (first.map { [$0] } ?? []) + moreRelays.filter { $0.bound.family == family }
        )
    }

    /// `RelayIndex.rawValue` stays below this number.
    public var relayIndexLimit: Int { Limits.relayIndexes(allocations: allocationCapacity) }
}
