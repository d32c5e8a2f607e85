/// The addresses of this server's own relayed sockets, and who may be reached at them and elsewhere.
internal import STUN

/// The relay addresses with their external forms, and the policy for all other addresses.
///
/// Inside the server a peer has one name: its canonical address, with an external address of ours replaced
/// by the relay address behind it. Clients are told the external one.
struct OwnAddresses {
    private struct Pair {
        let relay: IPAddress
        let external: IPAddress
        /// An allow rule names the address: its ports are not restricted to relayed ones.
        let isOpen: Bool
    }

    private let ipv4: Pair?
    private let ipv6: Pair?
    private let policy: PeerPolicy

    init(_ configuration: ServerConfiguration) {
        func pair(_ relay: IPAddress?, _ external: IPAddress?) -> Pair? {
            guard let relay = relay?.canonical else { return nil }
            let external = external?.canonical ?? relay
            let isOpen = configuration.allow.contains {
                $0.contains(relay) || $0.contains(external)
            }
            return Pair(relay: relay, external: external, isOpen: isOpen)
        }
        ipv4 = pair(configuration.relayIPv4, configuration.externalIPv4)
        ipv6 = pair(configuration.relayIPv6, configuration.externalIPv6)
        policy = PeerPolicy(deny: configuration.deny, allow: configuration.allow)
    }

    /// Whether addresses of a family are relayed.
    func hasRelay(_ family: AddressFamily) -> Bool {
        pair(family) != nil
    }

    /// The name of `peer` inside the server.
    func canonical(_ peer: IPAddress) -> IPAddress {
        let peer = peer.canonical
        guard let own = pair(peer.family), peer == own.external else { return peer }
        return own.relay
    }

    /// The name of `peer`, which is canonical, for clients.
    func external(_ peer: IPAddress) -> IPAddress {
        guard let own = pair(peer.family), peer == own.relay else { return peer }
        return own.external
    }

    /// The address of relayed sockets of a family as clients and their peers see it.
    func relayedAddress(_ family: AddressFamily, port: UInt16) -> TransportAddress? {
        pair(family).map { TransportAddress(ip: $0.external, port: port) }
    }

    /// Whether only live relayed ports of `peer`, which is canonical, may be reached.
    func isRestrictedToRelays(_ peer: IPAddress) -> Bool {
        guard let own = pair(peer.family), peer == own.relay else { return false }
        return !own.isOpen
    }

    /// Whether data may be relayed to and from `peer`, which is canonical; our own relays always may.
    func allows(_ peer: IPAddress) -> Bool {
        if let own = pair(peer.family), peer == own.relay { return true }
        return policy.allows(peer)
    }

    private func pair(_ family: AddressFamily) -> Pair? {
        switch family {
        case .ipv4: ipv4
        case .ipv6: ipv6
        }
    }
}
