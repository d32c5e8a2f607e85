/// The opening handshake (RFC 6455 section 4.2), with the answers Collider gives.

import NIOCore
import NIOHTTP1
import NIOWebSocket

/// The rules of the upgrade at `/ws`.
enum WebSocketHandshake {
    /// Why a request is not upgraded; nil when it may be.
    static func refusal(of request: Request, _ origins: OriginPolicy) -> Response? {
        let headers = request.headers
        func says(_ name: String, _ word: String) -> Bool {
            headers[canonicalForm: name].contains { $0.lowercased() == word }
        }
        if request.method != .GET { return .text(.methodNotAllowed, "bad method") }
        guard says("Upgrade", "websocket"), says("Connection", "upgrade") else {
            return .text(.badRequest, "not websocket protocol")
        }
        if headers["Sec-WebSocket-Key"].map(\.utf8.count) != [24] {
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
    static func accept(
        _ head: HTTPRequestHead,
        on channel: any Channel
    ) -> EventLoopFuture<HTTPHeaders> {
        let name = "Sec-WebSocket-Protocol"
        let chosen = head.headers[canonicalForm: name].map { (name, String($0)) }
        let loop = channel.eventLoop
        let upgrader = NIOWebSocketServerUpgrader(
            shouldUpgrade: { _, _ in loop.makeSucceededFuture(HTTPHeaders(chosen)) },
            upgradePipelineHandler: { _, _ in loop.makeSucceededVoidFuture() }
        )
        return upgrader.buildUpgradeResponse(
            channel: channel,
            upgradeRequest: head,
            initialResponseHeaders: [:]
        )
    }
}
