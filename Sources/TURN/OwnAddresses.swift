/// The addresses of this server's own relayed sockets, and who may be reached at them and elsewhere.
internal import STUN

/// The relay addresses with their external forms, and the policy for all other addresses.
///
/// Inside the server a peer has one name: its canonical address, with an external address of ours replaced
/// by the relay address behind it. Clients are told the external one.
struct OwnAddresses {
    private let ipv4: RelayAddressList
    private let ipv6: RelayAddressList
    /// A bit for each address by its number: an allow rule names it, its ports are not restricted to relayed ones.
    private let openIPv4: UInt8, openIPv6: UInt8
    private let policy: PeerPolicy

    init(_ configuration: ServerConfiguration) {
        func open(_ addresses: RelayAddressList) -> UInt8 {
            (0..<addresses.count).reduce(0) { bits, number in
                let address = addresses[number]
                let isOpen = configuration.allow.contains {
                    $0.contains(address.bound) || $0.contains(address.external)
                }
                return isOpen ? bits | 1 << UInt8(number) : bits
            }
        }
        ipv4 = configuration.relayAddresses(.ipv4)
        ipv6 = configuration.relayAddresses(.ipv6)
        openIPv4 = open(ipv4)
        openIPv6 = open(ipv6)
        policy = PeerPolicy(deny: configuration.deny, allow: configuration.allow)
    }

    /// Whether addresses of a family are relayed.
    func hasRelay(_ family: AddressFamily) -> Bool {
        switch family {
        case .ipv4: ipv4.count > 0
        case .ipv6: ipv6.count > 0
        }
    }

    /// The name of `peer` inside the server.
    func canonical(_ peer: IPAddress) -> IPAddress {
        let peer = peer.canonical
        switch peer.family {
        case .ipv4: return ipv4.number(external: peer).map { ipv4[$0].bound } ?? peer
        case .ipv6: return ipv6.number(external: peer).map { ipv6[$0].bound } ?? peer
        }
    }

    /// The name of `peer`, which is canonical, for clients.
    func external(_ peer: IPAddress) -> IPAddress {
        switch peer.family {
        case .ipv4: ipv4.number(bound: peer).map { ipv4[$0].external } ?? peer
        case .ipv6: ipv6.number(bound: peer).map { ipv6[$0].external } ?? peer
        }
    }

    /// A relayed transport address as its client and its peers see it; `number` is one of its family.
    func relayedAddress(_ family: AddressFamily, _ number: UInt8, port: UInt16) -> TransportAddress
    {
        let address =
            switch family {
            case .ipv4: ipv4[Int(number)]
            case .ipv6: ipv6[Int(number)]
            }
        return TransportAddress(ip: address.external, port: port)
    }

    /// Which address of a family a client gets if it has a free port: the one it reached us at, else one by its own
    /// address, so that all its allocations have the same (RFC 4787 4.1).
    func choice(
        _ family: AddressFamily,
        for client: IPAddress,
        at listener: TransportAddress?
    ) -> UInt8 {
        switch family {
        case .ipv4: Self.choice(of: ipv4, for: client, at: listener)
        case .ipv6: Self.choice(of: ipv6, for: client, at: listener)
        }
    }

    private static func choice(
        of addresses: RelayAddressList,
        for client: IPAddress,
        at listener: TransportAddress?
    ) -> UInt8 {
        if addresses.count < 2 { return 0 }
        if let listener, let number = addresses.number(bound: listener.ip.canonical) {
            return UInt8(truncatingIfNeeded: number)
        }
        let client = client.canonical
        // The upper half of a product with 2^64 divided by the golden ratio depends on all bits below.
        let mixed = (client.high ^ client.low) &* 0x9E37_79B9_7F4A_7C15
        return UInt8(truncatingIfNeeded: (mixed >> 32) % UInt64(addresses.count))
    }

    /// Whether only live relayed ports of `peer`, which is canonical, may be reached.
    func isRestrictedToRelays(_ peer: IPAddress) -> Bool {
        guard let number = number(peer) else { return false }
        let open = peer.family == .ipv4 ? openIPv4 : openIPv6
        return open & 1 << UInt8(truncatingIfNeeded: number) == 0
    }

    /// Whether data may be relayed to and from `peer`, which is canonical; our own relays always may.
    func allows(_ peer: IPAddress) -> Bool {
        number(peer) != nil || policy.allows(peer)
    }

    private func number(_ peer: IPAddress) -> Int? {
        switch peer.family {
        case .ipv4: ipv4.number(bound: peer)
        case .ipv6: ipv6.number(bound: peer)
        }
    }
}
