/// What the attribute tree says, as typed values: read once at start and passed down by initializers.

/// A name of the operator's with its secret.
public struct NamedSecret: Sendable, Equatable {
    /// The name: the file's name in the tree.
    public var name: String
    /// The password, key or shared secret.
    public var value: String
}

/// Every attribute's value; each field stands for the attribute of the same name.
public struct Settings: Sendable, Equatable {
    /// The attributes under `server/`.
    public struct Server: Sendable, Equatable {
        /// The realm of long-term credentials.
        public var realm = ""
        /// The SOFTWARE attribute; empty: none.
        public var software = ""
        /// Accepts channel numbers above 0x4FFF.
        public var rfc5766Channels = false
        /// The family of relayed addresses nobody asked a family of: `ipv4` or `client`.
        public var defaultFamily = ""
        /// Takes coturn's number for ADDITIONAL-ADDRESS-FAMILY too.
        public var coturnDual = false
        /// Adds MAPPED-ADDRESS to Binding answers.
        public var tellsMappedAddress = false
        /// Other servers, such as `192.0.2.7:3478` or `turn2.example.org@192.0.2.7:3478`.
        public var alternates: [String] = []
        /// When clients are sent on to them: `draining` or `always`.
        public var redirect = ""
        /// Makes no new allocations.
        public var isDraining = false
        /// Lets clients take their allocations to another address.
        public var mobility = false
    }

    /// The attributes under `listen/`.
    public struct Listen: Sendable, Equatable {
        /// Endpoints such as `0.0.0.0:3478`.
        public var udp: [String] = []
        /// Endpoints for TCP.
        public var tcp: [String] = []
        /// More endpoints for TCP, which need a certificate.
        public var tls: [String] = []
        /// More endpoints for UDP, which need a certificate.
        public var dtls: [String] = []
        /// Serves the control plane's pages where streams are listened for.
        public var sharesHTTP = false
        /// Prefixes of load balancers that speak the PROXY protocol.
        public var proxySources: [String] = []
        /// Pairs of endpoints for NAT behaviour discovery, at most one of each family.
        public var natDiscovery: [String] = []
    }

    /// The attributes under `relay/`.
    public struct Relay: Sendable, Equatable {
        /// At most eight addresses of each family; empty: to be found.
        public var address: [String] = []
        /// Addresses, or `PUBLIC/PRIVATE`; empty: the same as `address`.
        public var externalAddress: [String] = []
        /// The ports of relayed addresses.
        public var ports: ClosedRange<UInt16> = 49_152...65_535
        /// TCP is relayed too.
        public var tcp = false
    }

    /// The attributes under `threads/`.
    public struct Threads: Sendable, Equatable {
        /// Relay threads; 0: one less than there are CPUs, and at least one.
        public var count = 0
        /// CPUs for relay threads, in order; empty: all that the process may use.
        public var cpus: [Int] = []
        /// Takes memory on the NUMA node of the thread's CPU.
        public var numa = false
    }

    /// The attributes under `ring/`.
    public struct Ring: Sendable, Equatable {
        /// Submission entries.
        public var entries = 0
        /// How long to spin before sleeping, in microseconds.
        public var busyPollMicroseconds = 0
        /// How long to gather more datagrams, in microseconds.
        public var batchWaitMicroseconds = 0
    }

    /// The attributes under `buffers/`.
    public struct Buffers: Sendable, Equatable {
        /// Buffers of each relay thread.
        public var count = 0
        /// Bytes of each.
        public var size = 0
        /// Whether the pool lies on huge pages: `auto`, `0` or `1`.
        public var hugepages = ""
    }

    /// The attributes under `udp/`.
    public struct UDP: Sendable, Equatable {
        /// Receives trains of datagrams in one piece.
        public var gro = false
        /// Sends trains of datagrams in one piece.
        public var gso = false
        /// The DSCP of relayed datagrams; nil: as it came.
        public var dscp: Int?
        /// SO_RCVBUF in bytes; 0: as the system has it.
        public var receiveBuffer = 0
        /// SO_SNDBUF in bytes; 0: as the system has it.
        public var sendBuffer = 0
    }

    /// The attributes under `tcp/`.
    public struct TCP: Sendable, Equatable {
        /// SO_RCVBUF in bytes; 0: as the system has it.
        public var receiveBuffer = 0
        /// SO_SNDBUF in bytes; 0: as the system has it.
        public var sendBuffer = 0
    }

    /// The attributes under `auth/`.
    public struct Auth: Sendable, Equatable {
        /// Whether clients must authenticate.
        public var isRequired = true
        /// Users with passwords, or keys written `0x…`.
        public var users: [NamedSecret] = []
        /// Secrets of time-limited credentials.
        public var secrets: [NamedSecret] = []
        /// Keys that open access tokens, by kid.
        public var oauthKeys: [NamedSecret] = []
        /// Takes signatures of a session key's first 16 bytes.
        public var takesShortSessionKeys = false
        /// The name that access tokens are made for; empty: the realm.
        public var serverName = ""
        /// The key of nonces; empty: a random one.
        public var nonceKey = ""
        /// How long a nonce is good.
        public var nonceLifetimeSeconds = 0
    }

    /// The attributes under `limits/`.
    public struct Limits: Sendable, Equatable {
        /// Allocations in all.
        public var allocations = 0
        /// Allocations of one user; 0: no limit.
        public var allocationsPerUser = 0
        /// Permissions of one allocation.
        public var permissionsPerAllocation = 0
        /// Channels of one allocation.
        public var channelsPerAllocation = 0
        /// Connections with peers of one TCP allocation.
        public var tcpConnectionsPerAllocation = 0
        /// Bytes a second of one allocation and direction; 0: no limit.
        public var bandwidthPerAllocation = 0
        /// Unauthenticated requests a second of one source prefix; 0: no limit.
        public var unauthenticatedPerSecond = 0
        /// Unauthenticated requests a second of all sources; 0: no limit.
        public var unauthenticatedTotalPerSecond = 0
        /// Connections of a thread.
        public var connections = 0
        /// Connections of one source and thread; 0: no limit.
        public var connectionsPerSource = 0
        /// Handshakes of a thread at a time.
        public var handshakes = 0
        /// How long a connection without an allocation may be silent.
        public var connectionIdleSeconds = 0
        /// The longest lifetime of an allocation.
        public var lifetimeMaximumSeconds = 0
        /// The lifetime of a permission.
        public var permissionLifetimeSeconds = 0
        /// The lifetime of a channel.
        public var channelLifetimeSeconds = 0
    }

    /// The attributes under `peers/`.
    public struct Peers: Sendable, Equatable {
        /// Prefixes of peers that are refused.
        public var deny: [String] = []
        /// Prefixes of peers that are allowed although denied.
        public var allow: [String] = []
    }

    /// The attributes under `log/`.
    public struct Log: Sendable, Equatable {
        /// The least severe level that is written.
        public var level = ""
        /// `text` or `json`.
        public var format = ""
    }

    /// The attributes under `server/`.
    public var server = Server()
    /// The attributes under `listen/`.
    public var listen = Listen()
    /// The attributes under `relay/`.
    public var relay = Relay()
    /// The attributes under `threads/`.
    public var threads = Threads()
    /// The attributes under `ring/`.
    public var ring = Ring()
    /// The attributes under `buffers/`.
    public var buffers = Buffers()
    /// The attributes under `udp/`.
    public var udp = UDP()
    /// The attributes under `tcp/`.
    public var tcp = TCP()
    /// The attributes under `auth/`.
    public var auth = Auth()
    /// The attributes under `limits/`.
    public var limits = Limits()
    /// The attributes under `peers/`.
    public var peers = Peers()
    /// The attributes under `control/`.
    public var control = Control()
    /// The attributes under `tls/`.
    public var tls = TLS()
    /// The attributes under `rooms/`.
    public var rooms = Rooms()
    /// The attributes under `ice/`.
    public var ice = ICE()
    /// The attributes under `log/`.
    public var log = Log()

    /// Blank values, before the defaults of the attribute table are put in.
    init() {}
}
