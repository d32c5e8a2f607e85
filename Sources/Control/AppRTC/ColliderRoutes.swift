/// What Collider, AppRTC's signalling server, answered over plain HTTP (apprtc.md 1.2).

import NIOCore
import NIOHTTP1

/// The routes that no other area has: `/status`, and `/{room}/{client}` for clients without an open socket.
struct ColliderRoutes {
    /// First segments of areas that are no API: nothing under them is a room.
    private static let reserved: Set = ["api", "assets", "v1alpha"]

    let context: ControlContext

    /// The answer to what no other route has.
    func fallback(_ request: Request) -> Response {
        let segments = request.segments
        // With its slash, as clients send it; `/a` is nobody's.
        if request.path == "/a/", request.method == .POST { return AppRTCRoutes.analytics(request) }
        if segments == ["status"] { return Self.shared(status(), methods: "GET") }
        let isOurs = segments.count == 2 || [.POST, .DELETE].contains(request.method)
        guard isOurs, !Self.reserved.contains(segments.first ?? "") else {
            return request.refusal(.notFound, "there is nothing at this path")
        }
        let response: Response
        switch (request.method, segments.count) {
        case (.POST, 2): response = post(request, from: segments[1], in: segments[0])
        case (.DELETE, 2):
            context.lobby.remove(segments[1], from: segments[0])
            response = .text(.ok, "OK\n")
        case (.POST, _), (.DELETE, _):
            let path = "/" + segments.joined(separator: "/")
            response = Self.failure("Invalid path: \(Self.escaped(path))")
        default: response = .empty(.ok)
        }
        return Self.shared(response, methods: "POST, DELETE")
    }

    private func post(_ request: Request, from client: String, in room: String) -> Response {
        if request.body.readableBytes == 0 { return Self.failure("Empty request body") }
        do throws(Response) { try context.gate.count(.post, of: request) } catch { return error }
        do throws(SignallingError) {
            try context.lobby.post(String(buffer: request.body), from: client, in: room)
            return .text(.ok, "OK\n")
        } catch {
            return Self.failure("Failed to send the message: \(error.rawValue)")
        }
    }

    private func status() -> Response {
        let (counters, seconds) = (context.counters, context.uptimeSeconds)
        let text = """
            {"upsec":\(seconds),"openws":\(counters[.registered]),\
            "totalws":\(counters[.registrations]),"wserrors":\(counters[.webSocketErrors]),\
            "httperrors":\(counters[.httpErrors])}

            """
        return .text(.ok, text)
    }

    /// Collider knows no other status for what goes wrong.
    private static func failure(_ text: String) -> Response {
        .text(.internalServerError, text + "\n")
    }

    /// Any page may use what needs a secret client id anyway.
    private static func shared(_ response: Response, methods: String) -> Response {
        response.with("Access-Control-Allow-Origin", "*")
            .with("Access-Control-Allow-Methods", methods)
    }

    private static func escaped(_ text: String) -> String {
        let escapes: [Character: String] = [
            "&": "&amp;", "<": "&lt;", ">": "&gt;", "\"": "&#34;", "'": "&#39;",
        ]
        return text.reduce(into: "") { $0 += escapes[$1] ?? String($1) }
    }
}
