/// The addresses of this server's own relayed sockets, and who may be reached at them and elsewhere.
internal import STUN

/// The relay addresses with their external forms, and the policy for all other addresses.
///
/// Inside the server a peer has one name: its canonical address, with an external address of ours replaced
/// by the relay address behind it. Clients are told the external one.
struct OwnAddresses: ~Copyable {
    private struct Own {
        let relay: IPAddress
        let external: IPAddress
        /// An allow rule names the address: its ports are not restricted to relayed ones.
        let isOpen: Bool
    }

    /// The first of each family, for which alone no list is looked through.
    private let ipv4: Own?, ipv6: Own?
    private let others: [Own]
    private let hasOthers: Bool
    private let numberedIPv4: [RelayAddress], numberedIPv6: [RelayAddress]
    private let policy: PeerPolicy
    private let inPlace = InPlace()

    init(_ configuration: ServerConfiguration) {
        func numbered(_ family: AddressFamily) -> [RelayAddress] {
            let addresses = configuration.relayAddresses(family)
            return (0..<addresses.count).map { addresses[$0] }
        }
        func own(_ address: RelayAddress) -> Own {
            let isOpen = configuration.allow.contains {
                $0.contains(address.bound) || $0.contains(address.external)
            }
            return Own(relay: address.bound, external: address.external, isOpen: isOpen)
        }
        numberedIPv4 = numbered(.ipv4)
        numberedIPv6 = numbered(.ipv6)
        ipv4 = numberedIPv4.first.map(own)
        ipv6 = numberedIPv6.first.map(own)
        others = (numberedIPv4.dropFirst() + numberedIPv6.dropFirst()).map(own)
        hasOthers = !others.isEmpty
        policy = PeerPolicy(deny: configuration.deny, allow: configuration.allow)
    }

    /// Whether addresses of a family are relayed.
    func hasRelay(_ family: AddressFamily) -> Bool {
        first(family) != nil
    }

    /// The name of `peer` inside the server.
    func canonical(_ peer: IPAddress) -> IPAddress {
        let peer = peer.canonical
        if let own = first(peer.family), peer == own.external { return own.relay }
        return hasOthers ? other(external: peer)?.relay ?? peer : peer
    }

    /// The name of `peer`, which is canonical, for clients.
    func external(_ peer: IPAddress) -> IPAddress {
        own(peer)?.external ?? peer
    }

    /// A relayed transport address as its client and its peers see it; `number` is one of its family.
    func relayedAddress(_ family: AddressFamily, _ number: UInt8, port: UInt16) -> TransportAddress
    {
        let address =
            switch family {
            case .ipv4: numberedIPv4[Int(number)]
            case .ipv6: numberedIPv6[Int(number)]
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
        case .ipv4: Self.choice(of: numberedIPv4, for: client, at: listener)
        case .ipv6: Self.choice(of: numberedIPv6, for: client, at: listener)
        }
    }

    private static func choice(
        of addresses: [RelayAddress],
        for client: IPAddress,
        at listener: TransportAddress?
    ) -> UInt8 {
        if addresses.count < 2 { return 0 }
        let here = listener?.ip.canonical
        if let number = addresses.firstIndex(where: { $0.bound == here }) {
            return UInt8(truncatingIfNeeded: number)
        }
        let client = client.canonical
        // The upper half of a product with 2^64 divided by the golden ratio depends on all bits below.
        let mixed = (client.high ^ client.low) &* 0x9E37_79B9_7F4A_7C15
        return UInt8(truncatingIfNeeded: (mixed >> 32) % UInt64(addresses.count))
    }

    /// Whether only live relayed ports of `peer`, which is canonical, may be reached.
    func isRestrictedToRelays(_ peer: IPAddress) -> Bool {
        guard let own = own(peer) else { return false }
        return !own.isOpen
    }

    /// Whether data may be relayed to and from `peer`, which is canonical; our own relays always may.
    func allows(_ peer: IPAddress) -> Bool {
        own(peer) != nil || policy.allows(peer)
    }

    private func own(_ peer: IPAddress) -> Own? {
        if let own = first(peer.family), peer == own.relay { return own }
        return hasOthers ? other(bound: peer) : nil
    }

    private func first(_ family: AddressFamily) -> Own? {
        switch family {
        case .ipv4: ipv4
        case .ipv6: ipv6
        }
    }

    // Out of line, so that the way of a datagram stays short.
    @inline(never)
    private func other(bound peer: IPAddress) -> Own? { others.first { $0.relay == peer } }

    @inline(never)
    private func other(external peer: IPAddress) -> Own? { others.first { $0.external == peer } }
}
