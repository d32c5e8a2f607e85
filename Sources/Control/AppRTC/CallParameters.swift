/// What a client is told before and when it joins: AppRTC's params object (apprtc.md 2.7).
///
/// The types are what clients depend on: flags are the strings `"true"` and `"false"`, and members for the browser's own
/// interfaces are JSON inside a string.

/// The params object of a request.
struct CallParameters {
    private(set) var members: [String: JSONValue] = [:]
    private var warnings: [String] = []

    /// The parameters.
    ///
    /// - Parameters:
    ///   - request: The request; its query chooses.
    ///   - room: The room, if there is one yet.
    ///   - iceServerURL: Where TURN credentials are to be had, unless the query names another place.
    ///   - configuration: What the operator chose.
    init(
        _ request: Request,
        room: String? = nil,
        iceServerURL: String,
        _ configuration: ControlConfiguration
    ) {
        let isLoopback = request.parameter("debug") == "loopback"
        addSignalling(request, configuration)
        addICE(request, iceServerURL, configuration)
        addConstraints(request, isLoopback)
        if let room {
            members["room_id"] = .string(room)
            members["room_link"] = .string(Self.link(request, room))
        }
        members["is_loopback"] = .word(isLoopback)
        members["include_loopback_js"] =
            isLoopback ? #"<script src="/js/loopback.js"></script>"# : ""
        members["bypass_join_confirmation"] = .word(configuration.rooms.bypassesJoinConfirmation)
        let banner = configuration.headerMessage
        members["header_message"] = banner.isEmpty ? .null : .string(banner)
        members["version_info"] = .string(Self.version(configuration).text)
        members["error_messages"] = .array([])
        members["warning_messages"] = .strings(warnings)
    }

    /// Adds what only one who joined has.
    mutating func add(client: String, isInitiator: Bool, messages: [String]) {
        members["client_id"] = .string(client)
        members["is_initiator"] = .word(isInitiator)
        members["messages"] = .strings(messages)
    }

    /// Adds who is in a room of more than two.
    mutating func add(peers: [String]) {
        members["peers"] = .strings(peers)
    }

    /// The members as strings, for a page.
    var values: [String: String] {
        members.mapValues { member in
            if case .string(let text) = member { text } else { member == .null ? "" : member.text }
        }
    }

    /// We are the signalling server; `wshpp` may name another only if the operator did, so that no link can send a call
    /// elsewhere.
    private mutating func addSignalling(_ request: Request, _ configuration: ControlConfiguration) {
        var authority = request.authority
        if let wanted = request.parameter("wshpp"), !wanted.isEmpty, wanted != authority {
            if configuration.origins.contains(where: { $0.hasSuffix("://" + wanted) }) {
                authority = wanted
            } else {
                warnings.append(#"The "wshpp" parameter names a host that is not allowed."#)
            }
        }
        let isSecure = request.parameter("wstls").map { $0 != "false" } ?? request.isSecure
        members["wss_url"] = .string("\(isSecure ? "wss" : "ws")://\(authority)/ws")
        members["wss_post_url"] = .string("\(isSecure ? "https" : "http")://\(authority)")
    }

    private mutating func addICE(
        _ request: Request,
        _ ownURL: String,
        _ configuration: ControlConfiguration
    ) {
        var url = ownURL
        if let provider = request.parameter("ts"), provider != request.origin {
            if provider.isEmpty {
                url = ""
            } else if configuration.origins.contains(provider) {
                let key = Self.percentEncoded(request.parameter("apikey") ?? "")
                url = "\(provider)/v1alpha/iceconfig?key=\(key)"
            } else {
                warnings.append(#"The "ts" parameter names a host that is not allowed."#)
            }
        }
        members["ice_server_url"] = .string(url)
        members["ice_server_transports"] = .string(request.parameter("tt") ?? "")
    }

    private mutating func addConstraints(_ request: Request, _ isLoopback: Bool) {
        let media = MediaConstraints(request)
        warnings += media.warnings
        // Android reads TURN servers nowhere but from `ice_server_url`, and breaks on any here.
        var connection: [String: JSONValue] = [
            "iceServers": .array([]), "bundlePolicy": "max-bundle", "rtcpMuxPolicy": "require",
        ]
        if let transports = request.parameter("it"), !transports.isEmpty {
            connection["iceTransports"] = .string(transports)
        }
        let legacy = [
            ("DtlsSrtpKeyAgreement", isLoopback ? "false" : request.parameter("dtls")),
            ("googDscp", request.parameter("dscp")), ("googIPv6", request.parameter("ipv6")),
        ]
        let optional = legacy.compactMap { name, value -> JSONValue? in
            guard let flag = Bool((value ?? "").lowercased()) else { return nil }
            return .object([name: .bool(flag)])
        }
        members["media_constraints"] = .string(media.value.text)
        members["pc_config"] = .string(JSONValue.object(connection).text)
        members["pc_constraints"] = .string(JSONValue.object(["optional": .array(optional)]).text)
        members["offer_options"] = "{}"
    }

    /// The link to share, with everything the request's query said.
    private static func link(_ request: Request, _ room: String) -> String {
        let isSecure = request.isSecure || request.parameter("wstls") == "true"
        let pairs = request.query.map { percentEncoded($0.name) + "=" + percentEncoded($0.value) }
        let query = pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&")
        return "\(isSecure ? "https" : "http")://\(request.authority)/r/\(room)\(query)"
    }

    private static func version(_ configuration: ControlConfiguration) -> JSONValue {
        if configuration.version.isEmpty { return .null }
        return .object(["gitHash": .string(configuration.version), "time": "", "branch": ""])
    }

    /// All but RFC 3986's unreserved characters as escapes.
    private static func percentEncoded(_ text: String) -> String {
        text.utf8.reduce(into: "") { result, byte in
            if byte.isLetterOrDigit || "-._~".utf8.contains(byte) {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                result += (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
            }
        }
    }
}
