/// The attributes of policy: who may use the server, how much, and to reach whom.

extension AttributeTable {
    static let auth: [Attribute] = [
        Attribute(
            "auth/required",
            .toggle,
            \.auth.isRequired,
            default: "1",
            help: "0 lets anybody relay: only for tests and closed networks."
        ),
        Attribute(
            family: "auth/users/NAME",
            .passwordOrKey,
            \.auth.users,
            help: "A user's password (no leading #), or the key, the digest of user:realm:password."
        ),
        Attribute(
            family: "auth/secrets/NAME",
            .secret(bytes: 8...512),
            \.auth.secrets,
            help: "Shared secret of time-limited (TURN REST) credentials; all names count at once."
        ),
        Attribute(
            family: "auth/oauth_keys/NAME",
            .tokenKey,
            \.auth.oauthKeys,
            help:
                "Key shared with an authorization server; NAME is its kid. Opens access tokens (RFC 7635)."
        ),
        Attribute(
            "auth/oauth_short_keys",
            .toggle,
            \.auth.takesShortSessionKeys,
            default: "0",
            help:
                "1 also takes requests signed with the first 16 bytes of a token's key, as coturn's client does."
        ),
        Attribute(
            "auth/server_name",
            .text(bytes: 0...255),
            \.auth.serverName,
            default: "",
            help: "The name that access tokens are made for; empty: server/realm."
        ),
        Attribute(
            "auth/nonce_key",
            .secret(bytes: 16...512, mayBeEmpty: true),
            \.auth.nonceKey,
            default: "",
            isSecret: true,
            help: "Key of nonces, to share in a fleet behind one address; empty: random at start."
        ),
        Attribute(
            "auth/nonce_lifetime_s",
            .integer(10...86_400),
            \.auth.nonceLifetimeSeconds,
            default: "600",
            unit: "seconds",
            help: "How long a nonce is good."
        ),
    ]

    static let limits: [Attribute] = [
        Attribute(
            "limits/allocations",
            .integer(1...1_000_000),
            \.limits.allocations,
            default: "20000",
            unit: "allocations",
            help: "Allocations in all; each takes a port of relay/ports and a file descriptor."
        ),
        // A call takes some three allocations for each browser page and network interface, and more while it
        // restarts ICE. A hundred is out of the way of people and of media servers with a few calls, and keeps one
        // leaked credential from taking every port.
        Attribute(
            "limits/allocations_per_user",
            .integer(0...65_535),
            \.limits.allocationsPerUser,
            default: "100",
            unit: "allocations",
            help: "Allocations of one username; 0: no limit. A call takes about 3 for each page."
        ),
        Attribute(
            "limits/permissions_per_allocation",
            .integer(1...1024),
            \.limits.permissionsPerAllocation,
            default: "64",
            unit: "permissions",
            help: "Peer addresses that one allocation may talk to."
        ),
        Attribute(
            "limits/channels_per_allocation",
            .integer(1...1024),
            \.limits.channelsPerAllocation,
            default: "64",
            unit: "channels",
            help: "Channels that one allocation may bind."
        ),
        Attribute(
            "limits/tcp_connections_per_allocation",
            .integer(1...1024),
            \.limits.tcpConnectionsPerAllocation,
            default: "16",
            unit: "connections",
            help:
                "Connections with peers of one TCP allocation; each takes two of limits/connections."
        ),
        Attribute(
            "limits/bandwidth_per_allocation",
            .size(0...1 << 40),
            \.limits.bandwidthPerAllocation,
            default: "0",
            unit: "bytes per second",
            help: "Payload of one allocation each way; what is above is dropped; 0: no limit."
        ),
        Attribute(
            "limits/unauthenticated_per_s",
            .integer(0...1_000_000),
            \.limits.unauthenticatedPerSecond,
            default: "200",
            unit: "requests per second",
            help: "Answers to strangers of one /24 or /64, for each relay thread; 0: no limit."
        ),
        Attribute(
            "limits/unauthenticated_total_per_s",
            .integer(0...10_000_000),
            \.limits.unauthenticatedTotalPerSecond,
            default: "20000",
            unit: "requests per second",
            help: "Answers to all strangers together, for each relay thread; 0: no limit."
        ),
        Attribute(
            "limits/connections",
            .integer(0...1_000_000),
            \.limits.connections,
            default: "20000",
            unit: "connections",
            help:
                "Connections of clients, for each relay thread; the oldest without an allocation make room."
        ),
        Attribute(
            "limits/connections_per_source",
            .integer(0...1_000_000),
            \.limits.connectionsPerSource,
            default: "2000",
            unit: "connections",
            help:
                "Connections from one IPv4 address or IPv6 /64, for each relay thread; 0: no limit."
        ),
        Attribute(
            "limits/handshakes",
            .integer(1...1_000_000),
            \.limits.handshakes,
            default: "1024",
            unit: "handshakes",
            help:
                "TLS and DTLS handshakes at a time, for each relay thread; one that began long ago makes room."
        ),
        Attribute(
            "limits/connection_idle_s",
            .integer(1...3600),
            \.limits.connectionIdleSeconds,
            default: "30",
            unit: "seconds",
            help:
                "A connection without an allocation that says nothing sensible for so long is closed."
        ),
        Attribute(
            "limits/lifetime_max_s",
            .integer(600...86_400),
            \.limits.lifetimeMaximumSeconds,
            default: "3600",
            unit: "seconds",
            help: "The longest lifetime that an allocation is granted."
        ),
        Attribute(
            "limits/permission_lifetime_s",
            .integer(1...86_400),
            \.limits.permissionLifetimeSeconds,
            default: "300",
            unit: "seconds",
            help: "The lifetime of a permission; RFC 8656 fixes it at 300."
        ),
        Attribute(
            "limits/channel_lifetime_s",
            .integer(1...86_400),
            \.limits.channelLifetimeSeconds,
            default: "600",
            unit: "seconds",
            help: "The lifetime of a channel; RFC 8656 fixes it at 600."
        ),
    ]

    static let peers: [Attribute] = [
        Attribute(
            "peers/deny",
            .prefixes,
            \.peers.deny,
            default: specialPurposePrefixes,
            isList: true,
            help:
                "Peers that are refused, beside this machine's own addresses; a list of your own replaces this one."
        ),
        Attribute(
            "peers/allow",
            .prefixes,
            \.peers.allow,
            default: "",
            isList: true,
            help:
                "Peers that are allowed; the longest matching prefix decides, allow wins a tie. An address of this machine named here is open on every port."
        ),
    ]

    /// Addresses that are not of the public Internet (IANA's special-purpose registries), and tunnels into others.
    ///
    /// IPv4-mapped addresses have no prefix here: they are turned into the IPv4 address before they are looked up.
    private static let specialPurposePrefixes = [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "255.255.255.255/32", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/32",
        "2001:db8::/32", "2002::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
    ].joined(separator: " ")
}
