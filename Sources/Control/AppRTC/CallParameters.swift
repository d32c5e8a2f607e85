/// What a client is told before and when it joins: AppRTC's params object (apprtc.md 2.7).
///
/// The types are what clients depend on: flags are the strings `"true"` and `"false"`, and members for the browser's own
/// interfaces are JSON inside a string.

/// The params object of a request.
struct CallParameters {
    private(set) var members: [String: JSONValue] = [:]
    /// What the user should know about the query.
    var warnings: [String] = []
    let request: Request
    private let configuration: ControlConfiguration

    /// The parameters.
    ///
    /// - Parameters:
    ///   - request: The request; its query chooses.
    ///   - context: What the operator chose, and where TURN credentials are to be had.
    ///   - room: The room, if there is one yet.
    ///   - joined: What only one who joined is told.
    init(
        _ request: Request,
        _ context: ControlContext,
        room: String? = nil,
        _ joined: Participation? = nil
    ) {
        self.request = request
        configuration = context.configuration
        let iceURL = context.ice.url(for: request, room: room ?? "", participant: joined?.client)
        let isLoopback = request.parameter("debug") == "loopback"
        let isSecure = request.parameter("wstls").map { $0 != "false" } ?? request.isSecure
        let (banner, version, host) = (configuration.headerMessage, configuration.version, host())
        members = [
            "wss_url": .string("\(isSecure ? "wss" : "ws")://\(host)/ws"),
            "wss_post_url": .string("\(isSecure ? "https" : "http")://\(host)"),
            "ice_server_url": .string(ice(iceURL)),
            "ice_server_transports": .string(request.parameter("tt") ?? ""),
            "media_constraints": .string(media().text),
            "pc_config": .string(connection.text),
            "pc_constraints": .string(jsonText(["optional": constraints(isLoopback)])),
            "offer_options": "{}",
            "is_loopback": .word(isLoopback),
            "include_loopback_js": isLoopback ? #"<script src="/js/loopback.js"></script>"# : "",
            "bypass_join_confirmation": .word(configuration.rooms.bypassesJoinConfirmation),
            "header_message": banner.isEmpty ? .null : .string(banner),
            "version_info": version.isEmpty
                ? "null" : .string(jsonText(["gitHash": version, "time": "", "branch": ""])),
            "error_messages": .array([]),
        ]
        // The members above add to them.
        members["warning_messages"] = .strings(warnings)
        if let room {
            members["room_id"] = .string(room)
            members["room_link"] = .string(link(room))
        }
        if let joined {
            members["client_id"] = .string(joined.client)
            members["is_initiator"] = .word(joined.isInitiator)
            members["messages"] = .strings(joined.messages)
            members["peers"] = joined.peers.map(JSONValue.strings)
        }
    }

    /// The members as strings, for a page.
    var values: [String: String] {
        members.mapValues { member in
            if case .string(let text) = member { text } else { member == .null ? "" : member.text }
        }
    }

    /// The host of signalling: we, unless `wshpp` names another.
    private mutating func host() -> String {
        let chosen = choice("wshpp") { [request, configuration] host in
            host == request.authority
                || configuration.origins.contains { $0.hasSuffix("://" + host) }
        }
        return chosen ?? request.authority
    }

    /// Where TURN credentials are to be had: here, at the provider that `ts` names, or nowhere if it is empty.
    private mutating func ice(_ ownURL: String) -> String {
        if request.parameter("ts") == "" { return "" }
        let chosen = choice("ts") { [request, configuration] in
            $0 == request.origin || configuration.origins.contains($0)
        }
        guard let chosen, chosen != request.origin else { return ownURL }
        let key = Self.percentEncoded(request.parameter("apikey") ?? "")
        return "\(chosen)/v1alpha/iceconfig?key=\(key)"
    }

    /// What the query names; others than the operator does are not allowed, so that no link can send a call elsewhere.
    private mutating func choice(_ name: String, isAllowed: (String) -> Bool) -> String? {
        guard let host = request.parameter(name), !host.isEmpty else { return nil }
        if isAllowed(host) { return host }
        warnings.append(#"The "\#(name)" parameter names a host that is not allowed."#)
        return nil
    }

    private var connection: JSONValue {
        // Android reads TURN servers nowhere but from `ice_server_url`, and breaks on any here.
        var members: [String: JSONValue] = [
            "iceServers": .array([]), "bundlePolicy": "max-bundle", "rtcpMuxPolicy": "require",
        ]
        let transports = request.parameter("it") ?? ""
        if !transports.isEmpty { members["iceTransports"] = .string(transports) }
        return .object(members)
    }

    private func constraints(_ isLoopback: Bool) -> [[String: Bool]] {
        let legacy = [
            ("DtlsSrtpKeyAgreement", isLoopback ? "false" : request.parameter("dtls")),
            ("googDscp", request.parameter("dscp")), ("googIPv6", request.parameter("ipv6")),
        ]
        return legacy.compactMap { name, value in
            Bool((value ?? "").lowercased()).map { [name: $0] }
        }
    }

    /// The link to share, with everything the request's query said.
    private func link(_ room: String) -> String {
        let isSecure = request.isSecure || request.parameter("wstls") == "true"
        let pairs = request.query.map {
            Self.percentEncoded($0.name) + "=" + Self.percentEncoded($0.value)
        }
        let query = pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&")
        return "\(isSecure ? "https" : "http")://\(request.authority)/r/\(room)\(query)"
    }

    /// All but RFC 3986's unreserved characters as escapes.
    private static func percentEncoded(_ text: String) -> String {
        text.utf8.map { byte in
            byte.isLetterOrDigit || "-._~".utf8.contains(byte)
                ? String(Unicode.Scalar(byte))
                : (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
        }.joined()
    }
}
