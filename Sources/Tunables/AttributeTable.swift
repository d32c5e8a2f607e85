/// The attribute tree: each attribute declared once. Defaults, help, validation and reference are made from this.

/// All attributes, in the order of the reference.
public enum AttributeTable {
    /// Every attribute and family there is.
    public static let all: [Attribute] =
        server + listen + relay + threads + ring + buffers + udp + tcp + auth + limits + peers
        + control + tls + rooms + ice + log
}

extension AttributeTable {
    private static let server: [Attribute] = [
        Attribute(
            "server/realm",
            .text(bytes: 1...127),
            \.server.realm,
            default: "turnpike",
            help: "Realm of the long-term credentials; keys made from passwords depend on it."
        ),
        Attribute(
            "server/software",
            .text(bytes: 0...127),
            \.server.software,
            default: "",
            help: "SOFTWARE attribute of answers; empty: none, which keeps answers small."
        ),
        Attribute(
            "server/rfc5766_channels",
            .toggle,
            \.server.rfc5766Channels,
            default: "0",
            help: "Accepts channel numbers 0x5000 to 0x7FFF too, for clients of RFC 5766."
        ),
        Attribute(
            "server/default_family",
            .choice("ipv4", "client"),
            \.server.defaultFamily,
            default: "ipv4",
            help:
                "The relayed address of who asks for no family: IPv4 (RFC 8656), or the client's where relayed."
        ),
        Attribute(
            "server/coturn_dual",
            .toggle,
            \.server.coturnDual,
            default: "0",
            help:
                "1 takes attribute 0x8032 for ADDITIONAL-ADDRESS-FAMILY too, as clients of coturn's library send it."
        ),
        Attribute(
            "server/mapped_address",
            .toggle,
            \.server.tellsMappedAddress,
            default: "0",
            help: "1 adds MAPPED-ADDRESS to Binding answers, for clients of RFC 3489."
        ),
        Attribute(
            "server/alternates",
            .alternates,
            \.server.alternates,
            default: "",
            isList: true,
            help:
                "Servers that Allocate requests are sent on to (300), in turn; those that reach one of them stay."
        ),
        Attribute(
            "server/redirect",
            .choice("draining", "always"),
            \.server.redirect,
            default: "draining",
            help: "When Allocate requests are sent on to server/alternates."
        ),
        Attribute(
            "server/draining",
            .toggle,
            \.server.isDraining,
            default: "0",
            help:
                "1 starts without new allocations: clients are sent on, or refused (508); SIGUSR2 changes it."
        ),
        Attribute(
            "server/mobility",
            .toggle,
            \.server.mobility,
            default: "0",
            help:
                "Lets clients take their allocations to another address (RFC 8016); without credentials over TLS and DTLS only."
        ),
    ]

    private static let listen: [Attribute] = [
        Attribute(
            "listen/udp",
            .endpoints,
            \.listen.udp,
            default: "0.0.0.0:3478 [::]:3478",
            isList: true,
            help: "Where clients reach the server over UDP; 0.0.0.0 and [::] are all addresses."
        ),
        Attribute(
            "listen/tcp",
            .endpoints,
            \.listen.tcp,
            default: "0.0.0.0:3478 [::]:3478",
            isList: true,
            help:
                "Where clients reach the server over TCP, and over TLS where tls/certificate is set."
        ),
        Attribute(
            "listen/tls",
            .endpoints,
            \.listen.tls,
            default: "",
            isList: true,
            help: "More such addresses, by custom those of port 5349; they need tls/certificate."
        ),
        Attribute(
            "listen/dtls",
            .endpoints,
            \.listen.dtls,
            default: "",
            isList: true,
            help:
                "More addresses for UDP, by custom those of port 5349; if any is named, DTLS is spoken on all of UDP."
        ),
        Attribute(
            "listen/share_http",
            .toggle,
            \.listen.sharesHTTP,
            default: "0",
            help:
                "1 serves control/http on listen/tcp and listen/tls too; ALPN and the first bytes tell TURN from HTTP."
        ),
        Attribute(
            "listen/proxy_sources",
            .prefixes,
            \.listen.proxySources,
            default: "",
            isList: true,
            help:
                "Load balancers whose connections begin with a PROXY protocol header that names the client."
        ),
        Attribute(
            "listen/nat_discovery",
            .natDiscovery,
            \.listen.natDiscovery,
            default: "",
            isList: true,
            help:
                "Two addresses, and with their ports swapped two more, over which clients find out about NATs (RFC 5780)."
        ),
    ]

    private static let relay: [Attribute] = [
        Attribute(
            "relay/address",
            .relayAddresses,
            \.relay.address,
            default: "",
            isList: true,
            help:
                "Addresses of this machine that relayed sockets are bound to: the one a client reached us at, else one by the client's own address."
        ),
        Attribute(
            "relay/external_address",
            .externalAddresses,
            \.relay.externalAddress,
            default: "",
            isList: true,
            help: "Addresses told to clients when a 1:1 NAT maps them to relay/address."
        ),
        Attribute(
            "relay/ports",
            .ports,
            \.relay.ports,
            default: "49152-65535",
            help: "Ports of relayed sockets; the firewall must let them in over UDP."
        ),
        Attribute(
            "relay/tcp",
            .toggle,
            \.relay.tcp,
            default: "1",
            help: "Also relays TCP (RFC 6062) for clients that come over TCP or TLS."
        ),
    ]

    private static let threads: [Attribute] = [
        Attribute(
            "threads/count",
            .integer(0...1024),
            \.threads.count,
            default: "0",
            unit: "threads",
            help: "Relay threads; 0: one less than there are CPUs, at least one."
        ),
        Attribute(
            "threads/cpus",
            .cpus,
            \.threads.cpus,
            default: "",
            isList: true,
            help: "CPUs that relay threads are pinned to, in this order, one each."
        ),
        Attribute(
            "threads/numa",
            .toggle,
            \.threads.numa,
            default: "1",
            help: "Takes the memory of a relay thread on the NUMA node of its CPU."
        ),
    ]

    private static let ring: [Attribute] = [
        Attribute(
            "ring/entries",
            .integer(64...32_768),
            \.ring.entries,
            default: "1024",
            unit: "entries",
            help: "Submission entries of each io_uring; rounded up to a power of two."
        ),
        Attribute(
            "ring/busy_poll_us",
            .integer(0...10_000),
            \.ring.busyPollMicroseconds,
            default: "0",
            unit: "microseconds",
            help: "Spins so long before it sleeps: less latency for more CPU."
        ),
        Attribute(
            "ring/batch_wait_us",
            .integer(0...10_000),
            \.ring.batchWaitMicroseconds,
            default: "400",
            unit: "microseconds",
            help: "A pass gathers for so long, unless that slows senders: less CPU, more latency."
        ),
    ]

    private static let buffers: [Attribute] = [
        Attribute(
            "buffers/count",
            .integer(16...32_768),
            \.buffers.count,
            default: "1024",
            unit: "buffers",
            help: "Receive buffers of each relay thread; beyond them the kernel queues."
        ),
        Attribute(
            "buffers/size",
            .size(2048...131_072),
            \.buffers.size,
            default: "64k",
            unit: "bytes",
            help: "Bytes of a buffer; less than 64k cuts received trains short."
        ),
        Attribute(
            "buffers/hugepages",
            .choice("auto", "0", "1"),
            \.buffers.hugepages,
            default: "auto",
            help: "Puts buffers on huge pages: 1 asks for them, auto takes them if reserved."
        ),
    ]

    private static let udp: [Attribute] = [
        Attribute(
            "udp/gro",
            .toggle,
            \.udp.gro,
            default: "1",
            help: "Receives trains of datagrams in one piece (UDP_GRO)."
        ),
        Attribute(
            "udp/gso",
            .toggle,
            \.udp.gso,
            default: "1",
            help: "Sends trains of datagrams in one piece (UDP_SEGMENT)."
        ),
        Attribute(
            "udp/dscp",
            .integer(0...63, orNone: "copy"),
            \.udp.dscp,
            default: "copy",
            help:
                "DSCP of relayed datagrams: as it came, or one for all. ECN is always carried across."
        ),
        Attribute(
            "udp/receive_buffer",
            .size(0...1 << 30),
            \.udp.receiveBuffer,
            default: "2m",
            unit: "bytes",
            help: "SO_RCVBUF of each socket, capped by net.core.rmem_max; 0: the system's default."
        ),
        Attribute(
            "udp/send_buffer",
            .size(0...1 << 30),
            \.udp.sendBuffer,
            default: "2m",
            unit: "bytes",
            help: "SO_SNDBUF of each socket, capped by net.core.wmem_max; 0: the system's default."
        ),
    ]

    private static let tcp: [Attribute] = [
        Attribute(
            "tcp/receive_buffer",
            .size(0...1 << 30),
            \.tcp.receiveBuffer,
            default: "0",
            unit: "bytes",
            help: "SO_RCVBUF of each connection; 0: the kernel finds the size."
        ),
        Attribute(
            "tcp/send_buffer",
            .size(0...1 << 30),
            \.tcp.sendBuffer,
            default: "0",
            unit: "bytes",
            help: "SO_SNDBUF of each connection; 0: the kernel finds the size."
        ),
    ]

    private static let log: [Attribute] = [
        Attribute(
            "log/level",
            .choice("trace", "debug", "info", "notice", "warning", "error", "critical"),
            \.log.level,
            default: "info",
            help: "The least severe level that is written to standard error."
        ),
        Attribute(
            "log/format",
            .choice("text", "json"),
            \.log.format,
            default: "text",
            help: "Lines of text, or one JSON object a line."
        ),
    ]
}
