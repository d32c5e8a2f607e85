/// From what was sent to a request: the target is taken apart and percent-decoded here, once.

import NIOCore
import NIOHTTP1
import STUN

extension Request {
    /// The request of a head and a body.
    ///
    /// It is nil when the target is no path, an escape is none, the path has control characters, or `Host` is missing
    /// (RFC 9112 section 3.2), there twice, or no host.
    ///
    /// - Parameters:
    ///   - head: The head as it was parsed.
    ///   - body: The whole body.
    ///   - peer: The other end of the connection.
    init?(_ head: HTTPRequestHead, body: ByteBuffer, peer: Peer) {
        let parts = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard head.uri.hasPrefix("/"), Self.isHostValid(head) else { return nil }
        var segments: [String] = []
        for part in parts[0].split(separator: "/") {
            guard let segment = percentDecoded(part) else { return nil }
            if segment.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) { return nil }
            segments.append(segment)
        }
        self.init(
            method: head.method,
            path: String(parts[0]),
            segments: segments,
            query: parts.count < 2 ? [] : Self.pairs(of: parts[1]),
            headers: head.headers,
            body: body,
            peer: peer.asker(with: head.headers)
        )
    }

    private static func pairs(of query: Substring) -> [(name: String, value: String)] {
        query.split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (formDecoded(parts[0]), parts.count < 2 ? "" : formDecoded(parts[1]))
        }
    }

    /// True when the one `Host` could be a name or an address and a port: it goes into links and credentials.
    private static func isHostValid(_ head: HTTPRequestHead) -> Bool {
        let hosts = head.headers["Host"]
        guard let host = hosts.first else { return head.version == .http1_0 }
        return hosts.count == 1 && Self.host(of: host) != nil
    }
}

extension Peer {
    /// This peer as the one who asks: behind a proxy, or for a page of another site, it is not local.
    ///
    /// A page of the world may ask a browser of this machine for 127.0.0.1, or for a name that it points there.
    func asker(with headers: HTTPHeaders) -> Peer {
        guard isLocal, !address.isEmpty else { return self }
        var asker = self
        let forwarded = ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"]
        if forwarded.contains(where: { headers.contains(name: $0) }) { asker.isLocal = false }
        let host = Request.host(of: headers.first(name: "Host") ?? "")?.lowercased() ?? ""
        let isOurName = host == "localhost" || IPAddress(bracketed: host)?.isLoopback == true
        let isOwnPage = !headers.contains(name: "Origin") || OriginPolicy.isOwn(headers)
        let site = headers.first(name: "Sec-Fetch-Site") ?? "none"
        if !isOurName || !isOwnPage || !["none", "same-origin"].contains(site) {
            asker.isLocal = false
        }
        return asker
    }
}

/// A text without its percent escapes (RFC 3986 section 2.1); nil when one has no two hexadecimal digits.
///
/// What is not UTF-8 then becomes U+FFFD.
func percentDecoded(_ text: some StringProtocol) -> String? {
    guard text.utf8.contains(UInt8(ascii: "%")) else { return String(text) }
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
        if byte != UInt8(ascii: "%") {
            bytes.append(byte)
        } else if let high = hexadecimal(rest.popFirst()), let low = hexadecimal(rest.popFirst()) {
            bytes.append(high << 4 | low)
        } else {
            return nil
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}

/// A name or value of a query; what is not decodable stays as it is.
private func formDecoded(_ text: Substring) -> String {
    percentDecoded(text.replacing("+", with: " ")) ?? String(text)
}

private func hexadecimal(_ digit: UInt8?) -> UInt8? {
    digit.flatMap { Character(Unicode.Scalar($0)).hexDigitValue }.map(UInt8.init)
}
