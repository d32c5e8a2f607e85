/// The opening handshake (RFC 6455 section 4.2), with the answers Collider gives.

import NIOHTTP1
import STUN
import TURN

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
        let key = Array((headers.first(name: "Sec-WebSocket-Key") ?? "").utf8)
        let proof = WebSocketKey.accept(key.span.rawBytes)
        let accept = String(decoding: proof.indices.map { proof[$0] }, as: UTF8.self)
        var answer: HTTPHeaders = [
            "Upgrade": "websocket", "Connection": "upgrade", "Sec-WebSocket-Accept": accept,
        ]
        for name in headers[canonicalForm: "Sec-WebSocket-Protocol"] {
            answer.add(name: "Sec-WebSocket-Protocol", value: String(name))
        }
        return answer
    }
}
