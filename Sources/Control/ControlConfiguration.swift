/// What the control plane is told at start.

public import STUN

/// Everything the control plane is made of; the executable fills it from the attribute tree.
public struct ControlConfiguration: Sendable {
    /// Bounds of rooms: the attributes under `rooms/`.
    public struct Rooms: Sendable, Equatable {
        /// Participants of a room; above 2 is our extension.
        public var capacity = 2
        /// How long a participant's seat outlives its socket.
        public var graceSeconds = 10
        /// How long a participant who joined may take to open its socket.
        public var joinGraceSeconds = 30
        /// How long an unused room lives.
        public var ttlSeconds = 86_400
        /// Rooms in all.
        public var maximum = 100_000
        /// Whether joining needs a room token.
        public var requiresToken = false
        /// Skips the question before a call page opens the camera.
        public var bypassesJoinConfirmation = false
    }

    /// What clients are told about TURN.
    public struct ICE: Sendable, Equatable {
        /// URLs such as `turn:turn.example.org:3478?transport=udp`; empty: made from the request's host and `ports`.
        public var urls: [String] = []
        /// The ports of the relay by transport, where `urls` is empty.
        public var udpPort: Int?
        /// The port of TURN over TCP; nil when it is off.
        public var tcpPort: Int?
        /// The port of TURN over TLS; nil when it is off.
        public var tlsPort: Int?
        /// How long credentials last.
        public var lifetimeSeconds = 43_200
        /// The TURN REST secret they are made with.
        public var secret = ""
    }

    /// Bounds of connections.
    public struct Limits: Sendable, Equatable {
        /// Connections in all, and from one address.
        public var connections = 20_000
        /// Connections from one address that is not loopback.
        public var connectionsPerAddress = 200
        /// Bytes of a request's body, and of a WebSocket message.
        public var bodyBytes = 262_144
        /// Bytes of a request's head.
        public var headerBytes = 16_384
        /// A connection without a whole request for so long is closed.
        public var idleSeconds = 75
        /// Messages a second of one WebSocket, on average.
        public var messagesPerSecond = 100
        /// Bytes that may wait for a slow client.
        public var pendingBytes = 1_048_576
        /// The time between WebSocket pings; two unanswered end the connection.
        public var pingSeconds = 30
    }

    /// Where plain HTTP is listened for; a port of 0 lets the system choose, for tests.
    public var http: [TransportAddress] = []
    /// The same of HTTPS; needs `certificate` and `privateKey`.
    public var https: [TransportAddress] = []
    /// Paths of PEM files: the chain, and its key.
    public var certificate = "", privateKey = ""
    /// The path of the admin socket; empty: none.
    public var adminSocket = ""
    /// Origins of browsers that may use rooms and sockets; empty: the page's own, and native apps.
    public var origins: [String] = []
    /// The token of the admin's routes; empty: they are closed to all but the admin socket.
    public var adminToken = ""
    /// The key of room tokens.
    public var roomTokenKey = ""
    /// Whether ports of the relay threads are shared: they say who their clients are, on a connection to `http`.
    public var sharesPorts = false
    /// A line shown on every page; empty: none.
    public var headerMessage = ""
    /// The program's version.
    public var version = ""
    /// Bounds of rooms.
    public var rooms = Rooms()
    /// What clients are told about TURN.
    public var ice = ICE()
    /// Bounds of connections.
    public var limits = Limits()

    /// A plane that listens nowhere.
    public init() {}
}
