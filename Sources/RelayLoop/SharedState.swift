/// What the relay threads of one server share: ports, quotas and reservations, all in `Exchange`.

public import Exchange
public import STUN
internal import Synchronization
public import TLS

/// The memory that all relay threads of a server see; atomics only.
public final class SharedState: Sendable {
    /// Relayed ports of the IPv4 relay addresses.
    public let portsIPv4: RelayedPorts
    /// Relayed ports of the IPv6 relay addresses.
    public let portsIPv6: RelayedPorts
    /// Allocations in all and for each user.
    public let quota: Quota
    /// Sockets kept for a RESERVATION-TOKEN (RFC 8656 7.2).
    public let reservations: ReservationTable
    /// What the threads tell each other of clients that move (RFC 8016).
    let post: HandoverPost

    /// Whether new allocations are to be made elsewhere.
    public let draining: DrainSwitch
    /// What other threads send each thread, by its number.
    let arrivals: [Arrivals]

    private let contexts: Mutex<TLSContexts>

    /// What new TLS and DTLS sessions are made with; looked at when a thread starts or is told to look again.
    public var tls: TLSContexts {
        get { contexts.withLock { $0 } }
        set { contexts.withLock { $0 = newValue } }
    }

    /// Makes the shared memory of one server.
    ///
    /// - Parameters:
    ///   - allocations: allocations allowed in all.
    ///   - allocationsPerUser: allocations allowed for one user; 0 for no limit.
    ///   - relayAddresses: relay addresses of the family that has more of them.
    ///   - threads: relay threads there will be, numbered from 0.
    ///   - tls: what TLS and DTLS sessions are made with.
    ///   - isDraining: whether it begins without new allocations.
    public init(
        allocations: Int,
        allocationsPerUser: Int,
        relayAddresses: Int = 1,
        threads: Int = 1,
        tls: TLSContexts = TLSContexts(),
        isDraining: Bool = false
    ) {
        arrivals = (0..<threads).map { _ in Arrivals() }
        contexts = Mutex(tls)
        draining = DrainSwitch(isOn: isDraining)
        portsIPv4 = RelayedPorts(addresses: relayAddresses)
        portsIPv6 = RelayedPorts(addresses: relayAddresses)
        quota = Quota(total: allocations, perUser: allocationsPerUser)
        reservations = ReservationTable()
        post = HandoverPost(threads: threads)
    }

    /// The relayed ports of one address family.
    public func ports(of family: AddressFamily) -> RelayedPorts {
        switch family {
        case .ipv4: portsIPv4
        case .ipv6: portsIPv6
        }
    }
}

/// Certificates for streams and for datagrams.
public struct TLSContexts: Sendable {
    /// For connections over TCP; `nil`: no TLS.
    public var stream: TLSContext?
    /// For clients over UDP; `nil`: no DTLS.
    public var datagram: TLSContext?

    /// None, or those given.
    public init(stream: TLSContext? = nil, datagram: TLSContext? = nil) {
        self.stream = stream
        self.datagram = datagram
    }
}
