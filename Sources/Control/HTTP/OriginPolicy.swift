/// Which pages may use rooms and sockets from a browser.

import NIOHTTP1

/// The rule for the `Origin` header.
///
/// A page's own host, the configured origins and programs that send none are let in, and so is `https://appr.tc`, which
/// native AppRTC clients send whatever server they talk to. `null` and `file://` are let in only by `*`.
struct OriginPolicy {
    private static let nativeClients = "https://appr.tc"

    private let allowsAll: Bool
    private let origins: Set<String>

    /// A policy that lets these origins in too; `*` lets all in.
    init(_ origins: [String]) {
        allowsAll = origins.contains("*")
        self.origins = Set(origins.map(Self.normalized)).union([Self.nativeClients])
    }

    /// Whether a request with these headers may be made from the page that makes it.
    func allows(_ headers: HTTPHeaders) -> Bool {
        let given = headers["Origin"]
        guard let first = given.first else { return true }
        if given.count > 1 { return false }
        let origin = Self.normalized(first)
        return allowsAll || origins.contains(origin) || Self.isOwn(headers)
    }

    /// Whether the page is one of the very host that is asked.
    ///
    /// Either scheme will do: a proxy that ends TLS passes the name of the host on, but not the scheme.
    static func isOwn(_ headers: HTTPHeaders) -> Bool {
        guard let host = headers.first(name: "Host"), !host.isEmpty else { return false }
        let origin = normalized(headers.first(name: "Origin") ?? "")
        return ["http://", "https://"].contains { origin == normalized($0 + host) }
    }

    /// Lower case, without the slash that people add and the port that browsers leave out.
    private static func normalized(_ origin: String) -> String {
        var origin = origin.lowercased()
        if origin.hasSuffix("/") { origin.removeLast() }
        for (scheme, port) in [("http://", ":80"), ("https://", ":443")]
        where origin.hasPrefix(scheme) && origin.hasSuffix(port) {
            origin.removeLast(port.count)
        }
        return origin
    }
}
