/// The opening handshake (RFC 6455 section 4.2), with the answers Collider gives.

import FoundationEssentials
import NIOHTTP1
import STUN

/// A request for the socket at `/ws`.
extension Request {
    /// Why it gets none; nil when it does.
    func webSocketRefusal(_ origins: OriginPolicy) -> Response? {
        func says(_ name: String, _ word: String) -> Bool {
            headers[canonicalForm: name].contains { $0.lowercased() == word }
        }
        if method != .GET { return .text(.methodNotAllowed, "bad method") }
        guard says("Upgrade", "websocket"), says("Connection", "upgrade") else {
            return .text(.badRequest, "not websocket protocol")
        }
        if headers[canonicalForm: "Sec-WebSocket-Key"].map(\.utf8.count) != [24] {
            return .text(.badRequest, "mismatch challenge/response")
        }
        if headers["Sec-WebSocket-Version"] != ["13"] {
            var response = Response.text(.badRequest, "missing or bad WebSocket Version")
            response.headers.add(name: "Sec-WebSocket-Version", value: "13")
            return response
        }
        if headers[canonicalForm: "Sec-WebSocket-Protocol"].count > 1 {
            return .text(.badRequest, "missing or bad WebSocket-Protocol")
        }
        return origins.allows(headers) ? nil : .text(.forbidden, "origin not allowed")
    }

    /// The headers of the answer that opens the socket of a request that was not refused.
    var webSocketAcceptance: HTTPHeaders {
        // What RFC 6455, 4.2.2, has behind the key.
        let suffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        let proof = Array(((headers.first(name: "Sec-WebSocket-Key") ?? "") + suffix).utf8)
        let digest = sha1(proof.span.rawBytes)
        let accept = Data((0..<20).map { digest.bytes.uint8(at: $0) }).base64EncodedString()
        var answer: HTTPHeaders = [
            "Upgrade": "websocket", "Connection": "upgrade", "Sec-WebSocket-Accept": accept,
        ]
        for name in headers[canonicalForm: "Sec-WebSocket-Protocol"] {
            answer.add(name: "Sec-WebSocket-Protocol", value: String(name))
        }
        return answer
    }
}
