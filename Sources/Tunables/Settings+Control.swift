/// What the attribute tree says of the control plane: the part of `Settings` beside the relay's.

extension Settings {
    /// The attributes under `control/`.
    public struct Control: Sendable, Equatable {
        /// Endpoints of plain HTTP; none: off.
        public var http: [String] = []
        /// Endpoints of HTTPS; none: off.
        public var https: [String] = []
        /// Path of the admin socket; empty: in the state directory; `off`: none.
        public var admin = ""
        /// Origins of browsers that may use rooms from other sites; `*`: all.
        public var origins: [String] = []
        /// The token of the admin's routes; empty: the one in the state directory.
        public var adminToken = ""
        /// A line shown on every page.
        public var headerMessage = ""
        /// Connections in all.
        public var connections = 0
        /// Connections of one address that is not loopback.
        public var connectionsPerAddress = 0
    }

    /// The attributes under `tls/`.
    public struct TLS: Sendable, Equatable {
        /// Path of a PEM file: the certificate and its chain.
        public var certificate = ""
        /// Path of a PEM file: the certificate's key.
        public var privateKey = ""
        /// `1.2` or `1.3`.
        public var minimumVersion = ""
    }

    /// The attributes under `rooms/`.
    public struct Rooms: Sendable, Equatable {
        /// Participants of a room.
        public var capacity = 0
        /// How long a seat outlives its socket.
        public var graceSeconds = 0
        /// How long who joined may take to open a socket.
        public var joinGraceSeconds = 0
        /// How long an unused room lives.
        public var ttlSeconds = 0
        /// Rooms in all.
        public var maximum = 0
        /// Whether joining needs a room token.
        public var areTokensRequired = false
        /// The key of room tokens; empty: the one in the state directory.
        public var tokenKey = ""
        /// Whether call pages skip the question before they join.
        public var bypassesJoinConfirmation = false
    }

    /// The attributes under `ice/`.
    public struct ICE: Sendable, Equatable {
        /// URLs of TURN and STUN servers; none: this server, as the browser reached it.
        public var urls: [String] = []
        /// How long credentials last.
        public var lifetimeSeconds = 0
    }
}
