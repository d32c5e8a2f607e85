/// Which peers a client may reach through this server.
///
/// A relay is a way around firewalls: without rules it would serve its own host's loopback, the hosts next
/// to it and the cloud's metadata service to anybody with credentials. Denied by default is all that is
/// special-purpose (RFC 6890 and its IANA registries, RFC 8656 21.1.3 and 21.3, RFC 6156 9.1).
public import STUN

/// Allow and deny rules: the longest prefix that matches decides, allow wins a tie, no match allows.
///
/// Ask for each peer address on its own, on every path: one bad address is not excused by a good one.
public struct PeerPolicy: Sendable {
    private struct Rule: Sendable {
        let prefix: AddressPrefix
        let isAllowed: Bool
    }

    /// Longest prefix first, allow before deny: the first rule that matches is the one that counts.
    private let rules: [Rule]

    /// The policy made of two lists.
    public init(deny: [AddressPrefix] = PeerPolicy.defaultDeny, allow: [AddressPrefix] = []) {
        let rules =
            allow.map { Rule(prefix: $0, isAllowed: true) }
            + deny.map { Rule(prefix: $0, isAllowed: false) }
        self.rules = rules.sorted {
            ($0.prefix.length, $0.isAllowed ? 1 : 0) > ($1.prefix.length, $1.isAllowed ? 1 : 0)
        }
    }

    /// Whether data may be relayed to and from `peer`.
    ///
    /// The address is judged in its canonical form. One that carries an IPv4 address which a router on the
    /// way would send the packet to must be allowed in both its forms.
    public func allows(_ peer: IPAddress) -> Bool {
        let peer = peer.canonical
        guard isAllowed(peer) else { return false }
        guard let embedded = peer.embeddedIPv4 else { return true }
        return isAllowed(embedded)
    }

    private func isAllowed(_ address: IPAddress) -> Bool {
        for rule in rules where rule.prefix.contains(address) { return rule.isAllowed }
        return true
    }

    /// What is denied when nothing else is configured, in the order of the address space.
    public static let defaultDeny: [AddressPrefix] = defaultDenyText.compactMap {
        AddressPrefix($0)
    }

    /// `defaultDeny` as text, with what each is for.
    static let defaultDenyText = [
        "0.0.0.0/8",  // this network: 0.0.0.0 reaches the host itself
        "10.0.0.0/8",  // private
        "100.64.0.0/10",  // carrier-grade NAT
        "127.0.0.0/8",  // loopback
        "169.254.0.0/16",  // link-local, and the clouds' metadata service
        "172.16.0.0/12",  // private
        "192.0.0.0/24",  // IETF protocol assignments
        "192.0.2.0/24",  // documentation
        "192.88.99.0/24",  // 6to4 relay anycast
        "192.168.0.0/16",  // private
        "198.18.0.0/15",  // benchmarking
        "198.51.100.0/24",  // documentation
        "203.0.113.0/24",  // documentation
        "224.0.0.0/4",  // multicast
        "240.0.0.0/4",  // reserved
        "255.255.255.255/32",  // broadcast
        "::/96",  // unspecified, loopback and IPv4-compatible
        "64:ff9b::/96",  // NAT64
        "64:ff9b:1::/48",  // NAT64 of local use
        "100::/64",  // discard
        "2001::/32",  // Teredo
        "2001:db8::/32",  // documentation
        "2002::/16",  // 6to4
        "fc00::/7",  // unique local
        "fe80::/10",  // link-local
        "fec0::/10",  // site-local
        "ff00::/8",  // multicast
    ]
}

extension IPAddress {
    /// The IPv4 address inside an IPv4-compatible, NAT64 or 6to4 address
    /// (RFC 4291 2.5.5.1, RFC 6052 2.1, RFC 3056 2).
    fileprivate var embeddedIPv4: IPAddress? {
        guard family == .ipv6 else { return nil }
        // The unspecified and the loopback address are no IPv4 in disguise (RFC 4291 2.5.5.1).
        let isCompatible = high == 0 && low &>> 32 == 0 && low > 1
        let isNAT64 = high == 0x0064_ff9b_0000_0000 && low &>> 32 == 0
        if isCompatible || isNAT64 { return IPAddress(ipv4: UInt32(truncatingIfNeeded: low)) }
        guard high &>> 48 == 0x2002 else { return nil }
        return IPAddress(ipv4: UInt32(truncatingIfNeeded: high &>> 16))
    }
}
