/// NAT behaviour discovery (RFC 5780): four sockets that can answer for each other.
public import STUN

/// Two addresses that differ in IP address and in port; with the ports swapped they are four.
public struct CrossedAddresses: Hashable, Sendable {
    /// One corner.
    public let first: TransportAddress
    /// The corner across.
    public let second: TransportAddress

    /// The square between two corners; nil when it is none, or is of two families.
    public init?(_ first: TransportAddress, _ second: TransportAddress) {
        guard first.ip.family == second.ip.family, first.ip != second.ip, first.port != second.port
        else { return nil }
        self.first = first
        self.second = second
    }

    /// All four corners: bit 0 of an index chooses the port, bit 1 the IP address.
    public var corners: [TransportAddress] {
        [
            first,
            TransportAddress(ip: first.ip, port: second.port),
            TransportAddress(ip: second.ip, port: first.port),
            second,
        ]
    }
}

/// The squares of a server, at most one of each family.
struct NATDiscovery {
    private let ipv4: NATDiscoverySquare?
    private let ipv6: NATDiscoverySquare?

    /// The squares of which every corner is a socket of ours (RFC 5780 6: else nothing of this is served).
    init(_ configuration: ServerConfiguration) {
        let squares = configuration.natDiscovery.compactMap {
            NATDiscoverySquare($0, listeners: configuration.listeners)
        }
        ipv4 = squares.first { $0.family == .ipv4 }
        ipv6 = squares.first { $0.family == .ipv6 }
    }

    /// The corner that a request came to; nil when it came to none.
    func corner(of fiveTuple: FiveTuple) -> NATDiscoveryCorner? {
        guard fiveTuple.transport == .udp else { return nil }
        return ipv4?.corner(of: fiveTuple.listener) ?? ipv6?.corner(of: fiveTuple.listener)
    }
}

/// Four sockets, in the order of `CrossedAddresses.corners`.
struct NATDiscoverySquare {
    let family: AddressFamily
    private let addresses: [4 of TransportAddress]
    private let listeners: [4 of ListenerIndex]

    init?(_ crossed: CrossedAddresses, listeners all: [TransportAddress]) {
        family = crossed.first.ip.family
        var addresses = [4 of TransportAddress](repeating: crossed.first)
        var listeners = [4 of ListenerIndex](repeating: ListenerIndex(rawValue: 0))
        for (index, corner) in crossed.corners.enumerated() {
            guard let place = all.firstIndex(of: corner), let number = UInt16(exactly: place) else {
                return nil
            }
            addresses[index] = corner
            listeners[index] = ListenerIndex(rawValue: number)
        }
        self.addresses = addresses
        self.listeners = listeners
    }

    func corner(of listener: ListenerIndex) -> NATDiscoveryCorner? {
        for index in listeners.indices where listeners[index] == listener {
            return NATDiscoveryCorner(square: self, index: index)
        }
        return nil
    }

    func corner(_ index: Int) -> (address: TransportAddress, listener: ListenerIndex) {
        (addresses[index & 3], listeners[index & 3])
    }
}

/// One of the four sockets.
struct NATDiscoveryCorner {
    let square: NATDiscoverySquare
    let index: Int

    /// The socket's address, and how the loop knows it.
    var place: (address: TransportAddress, listener: ListenerIndex) { square.corner(index) }

    /// The corner with another IP address or another port, or both (RFC 5780 6.1, Table 1).
    func changed(ip: Bool, port: Bool) -> NATDiscoveryCorner {
        NATDiscoveryCorner(square: square, index: index ^ (ip ? 2 : 0) ^ (port ? 1 : 0))
    }
}
