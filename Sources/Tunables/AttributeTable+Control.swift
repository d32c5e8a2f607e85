/// The attributes of the control plane: where it listens, rooms, and what browsers are told.

extension AttributeTable {
    static let control: [Attribute] = [
        Attribute(
            "control/http",
            .endpoints,
            \.control.http,
            default: "127.0.0.1:8080",
            isList: true,
            help:
                "Pages, signalling and API over HTTP; browsers give a camera to localhost and HTTPS only."
        ),
        Attribute(
            "control/https",
            .endpoints,
            \.control.https,
            default: "",
            isList: true,
            help: "The same over HTTPS; needs tls/certificate, or serve --self-signed."
        ),
        Attribute(
            "control/admin",
            .socketPath,
            \.control.admin,
            default: "",
            help:
                "The Unix socket of turnpike status, allocations and rooms; whoever may open it is admin."
        ),
        Attribute(
            "control/admin_token",
            .secret(bytes: 16...512, mayBeEmpty: true),
            \.control.adminToken,
            default: "",
            isSecret: true,
            help: "Bearer token of the admin API and of /live; empty: made in the state directory."
        ),
        Attribute(
            "control/origins",
            .origins,
            \.control.origins,
            default: "",
            isList: true,
            help:
                "Other sites whose pages may use rooms; the server's own pages and native apps always may."
        ),
        Attribute(
            "control/header_message",
            .text(bytes: 0...500),
            \.control.headerMessage,
            default: "",
            help: "A line at the top of every page; empty: none."
        ),
        Attribute(
            "control/connections",
            .integer(1...1_000_000),
            \.control.connections,
            default: "20000",
            unit: "connections",
            help: "Connections to the control plane in all; each takes a file descriptor."
        ),
        Attribute(
            "control/connections_per_address",
            .integer(1...1_000_000),
            \.control.connectionsPerAddress,
            default: "200",
            unit: "connections",
            help:
                "Connections of one address; those of this machine, such as a proxy's, are not limited."
        ),
    ]

    static let tls: [Attribute] = [
        Attribute(
            "tls/certificate",
            .filePath,
            \.tls.certificate,
            default: "",
            help:
                "PEM file of the certificate for TLS, DTLS and control/https, followed by its chain."
        ),
        Attribute(
            "tls/private_key",
            .filePath,
            \.tls.privateKey,
            default: "",
            help: "PEM file of the certificate's key; keep it at mode 600."
        ),
        Attribute(
            "tls/minimum_version",
            .choice("1.2", "1.3"),
            \.tls.minimumVersion,
            default: "1.2",
            help: "The oldest version of TLS that TURN clients may speak."
        ),
    ]

    static let rooms: [Attribute] = [
        Attribute(
            "rooms/capacity",
            .integer(2...16),
            \.rooms.capacity,
            default: "2",
            unit: "participants",
            help:
                "Participants of a room, unless it was created with another number; above 2 is a mesh."
        ),
        Attribute(
            "rooms/grace_s",
            .integer(0...3600),
            \.rooms.graceSeconds,
            default: "10",
            unit: "seconds",
            help: "A participant may come back for so long after the connection was lost."
        ),
        Attribute(
            "rooms/join_grace_s",
            .integer(1...3600),
            \.rooms.joinGraceSeconds,
            default: "30",
            unit: "seconds",
            help: "Who joined has so long to open the WebSocket, or loses the seat."
        ),
        Attribute(
            "rooms/ttl_s",
            .integer(60...31_536_000),
            \.rooms.ttlSeconds,
            default: "86400",
            unit: "seconds",
            help: "How long a room that nobody uses is kept."
        ),
        Attribute(
            "rooms/maximum",
            .integer(1...1_000_000),
            \.rooms.maximum,
            default: "100000",
            unit: "rooms",
            help: "Rooms at a time."
        ),
        Attribute(
            "rooms/tokens_required",
            .toggle,
            \.rooms.areTokensRequired,
            default: "0",
            help: "1 lets only those in who have a token of turnpike room-token."
        ),
        Attribute(
            "rooms/token_key",
            .secret(bytes: 16...512, mayBeEmpty: true),
            \.rooms.tokenKey,
            default: "",
            isSecret: true,
            help: "Key that signs room tokens; empty: made in the state directory."
        ),
        Attribute(
            "rooms/bypass_join_confirmation",
            .toggle,
            \.rooms.bypassesJoinConfirmation,
            default: "0",
            help: "1 joins a call at once when its page is opened, without a question."
        ),
    ]

    static let ice: [Attribute] = [
        Attribute(
            "ice/urls",
            .iceURLs,
            \.ice.urls,
            default: "",
            isList: true,
            help:
                "TURN and STUN servers told to browsers; empty: this one, by the name the browser used."
        ),
        Attribute(
            "ice/lifetime_s",
            .integer(60...604_800),
            \.ice.lifetimeSeconds,
            default: "43200",
            unit: "seconds",
            help: "How long the TURN credentials of a participant are good."
        ),
    ]
}
