/// What a client called us by, for the URLs we tell it.

import NIOHTTP1
import STUN
import Tokens

extension Request {
    /// The scheme and authority that the client used, such as `https://turn.example.org:8443`; no slash at its end.
    var origin: String { (isSecure ? "https://" : "http://") + authority }

    /// Whether the client speaks TLS, to us or to a proxy on this machine.
    var isSecure: Bool { peer.isEncrypted || forwarded("X-Forwarded-Proto") == "https" }

    /// The host and port of the request; `localhost` when it names none that could be.
    var authority: String {
        let named = forwarded("X-Forwarded-Host") ?? headers["Host"].first ?? ""
        return Self.host(of: named) == nil ? "localhost" : named
    }

    /// The host without its port; IPv6 in brackets.
    var host: String { Self.host(of: authority) ?? authority }

    /// The host of `host[:port]`; nil for anything else (RFC 9110 section 7.2).
    static func host(of authority: String) -> String? {
        let isLiteral = authority.hasPrefix("[")
        let end =
            isLiteral
            ? authority.firstIndex(of: "]").map(authority.index(after:))
            : authority.firstIndex(of: ":") ?? authority.endIndex
        guard let end else { return nil }
        let host = authority[..<end]
        let isHost = isLiteral ? IPAddress(bracketed: host) != nil : isName(host)
        return isHost && isPort(authority[end...]) ? String(host) : nil
    }

    private static func isName(_ text: Substring) -> Bool {
        (1...253).contains(text.utf8.count)
            && text.utf8.allSatisfy { $0.isLetterOrDigit || "-._".utf8.contains($0) }
    }

    private static func isPort(_ text: Substring) -> Bool {
        text.isEmpty
            || text.hasPrefix(":") && decimal(text.dropFirst()).map { $0 < 65536 } == true
    }

    /// What a proxy on this machine says about its client; others are not believed.
    func forwarded(_ name: String) -> String? {
        let isOfThisMachine = peer.isLocal || peer.address?.isLoopback == true
        return isOfThisMachine ? headers[canonicalForm: name].last.map(String.init) : nil
    }
}

extension UInt8 {
    /// Whether it is an ASCII letter or digit.
    var isLetterOrDigit: Bool {
        let (letters, digits) = (UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...0x39)
        return letters ~= self | 0x20 || digits ~= self
    }
}
