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
        guard isLocal, address != nil else { return self }
        let isForwarded = ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"]
            .contains { headers.contains(name: $0) }
        let host = Request.host(of: headers.first(name: "Host") ?? "")?.lowercased() ?? ""
        let isOurName = host == "localhost" || IPAddress(bracketed: host)?.isLoopback == true
        let isOwnPage = !headers.contains(name: "Origin") || OriginPolicy.isOwn(headers)
        let site = headers.first(name: "Sec-Fetch-Site") ?? "none"
        var asker = self
        asker.isLocal =
            !isForwarded && isOurName && isOwnPage && ["none", "same-origin"].contains(site)
        return asker
    }
}

/// A text without its percent escapes (RFC 3986 section 2.1); nil when one has no two hexadecimal digits.
///
/// What is not UTF-8 then becomes U+FFFD.
func percentDecoded(_ text: some StringProtocol) -> String? {
    let parts = text.utf8.split(separator: UInt8(ascii: "%"), omittingEmptySubsequences: false)
    var bytes = Array(parts[0])
    for part in parts.dropFirst() {
        let digits = part.prefix(2).compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
        guard digits.count == 2 else { return nil }
        bytes.append(UInt8(digits[0] << 4 | digits[1]))
        bytes += part.dropFirst(2)
    }
    return String(decoding: bytes, as: UTF8.self)
}

/// A name or value of a query; what is not decodable stays as it is.
private func formDecoded(_ text: Substring) -> String {
    percentDecoded(text.replacing("+", with: " ")) ?? String(text)
}
