/// What Collider, AppRTC's signalling server, answered over plain HTTP (apprtc.md 1.2).

import FoundationEssentials
import NIOCore
import NIOHTTP1

/// The routes that no other area has: `/status`, and `/{room}/{client}` for clients without an open socket.
struct ColliderRoutes {
    /// First segments of other areas: nothing under them is a room.
    private static let reserved: Set = ["api", "assets", "v1alpha"]

    private let lobby: Lobby
    private let counters: ControlCounters
    private let started: NIODeadline

    /// Routes to the seats of the control plane's rooms.
    init(_ context: ControlContext) {
        self.init(lobby: context.lobby, counters: context.counters, started: context.started)
    }

    /// Routes to the seats of a lobby.
    init(lobby: Lobby, counters: ControlCounters, started: NIODeadline) {
        self.lobby = lobby
        self.counters = counters
        self.started = started
    }

    /// The answer to what no other route has.
    func fallback(_ request: Request) -> Response {
        let segments = request.segments
        if segments == ["status"] { return Self.shared(status(), methods: "GET") }
        if Self.reserved.contains(segments.first ?? "") { return .text(.notFound, "Not Found\n") }
        let response: Response
        switch (request.method, segments.count) {
        case (.POST, 2): response = post(request.body, from: segments[1], in: segments[0])
        case (.DELETE, 2):
            lobby.remove(segments[1], from: segments[0], now: .now())
            response = .text(.ok, "OK\n")
        case (.POST, _), (.DELETE, _):
            let path = "/" + segments.joined(separator: "/")
            response = Self.failure("Invalid path: \(Self.escaped(path))")
        case (_, 2): response = .empty(.ok)
        default: return .text(.notFound, "Not Found\n")
        }
        return Self.shared(response, methods: "POST, DELETE")
    }

    private func post(_ body: ByteBuffer, from client: String, in room: String) -> Response {
        if body.readableBytes == 0 { return Self.failure("Empty request body") }
        do throws(SignallingError) {
            try lobby.post(String(buffer: body), from: client, in: room, now: .now())
            return .text(.ok, "OK\n")
        } catch {
            return Self.failure("Failed to send the message: \(error.text)")
        }
    }

    private func status() -> Response {
        let seconds = Double((NIODeadline.now() - started).nanoseconds) / 1e9
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
        var response = response
        response.headers.add(name: "Access-Control-Allow-Origin", value: "*")
        response.headers.add(name: "Access-Control-Allow-Methods", value: methods)
        return response
    }

    private static func escaped(_ text: String) -> String {
        let escapes: [Character: String] = [
            "&": "&amp;", "<": "&lt;", ">": "&gt;", "\"": "&#34;", "'": "&#39;",
        ]
        return text.reduce(into: "") { $0 += escapes[$1] ?? String($1) }
    }
}
