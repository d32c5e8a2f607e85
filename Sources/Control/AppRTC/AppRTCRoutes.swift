/// What AppRTC's room server answered (apprtc.md 2), and its pages.

import FoundationEssentials
import NIOCore
import NIOHTTP1
import TURN

/// The routes by which rooms are joined, used and left; lives on the event loop.
final class AppRTCRoutes {
    /// Seats that one address may take; a lecture hall behind one address joins within the burst.
    private var joins = RateLimiter(milliseconds: 200, burst: 200)
    private let configuration: ControlConfiguration
    private let lobby: Lobby
    private let ice: ICEServers

    /// Routes to the rooms of a lobby.
    init(_ configuration: ControlConfiguration, lobby: Lobby, ice: ICEServers) {
        self.configuration = configuration
        self.lobby = lobby
        self.ice = ice
    }

    /// Adds them.
    func add(to router: inout Router) {
        router.on(.GET, "/") { request, _ in
            let parameters = self.parameters(of: request)
            return .now(Page.landing.response(values: parameters.values))
        }
        router.on(.GET, "/params") { request, _ in
            .now(.json(.ok, JSONValue.object(self.parameters(of: request).members)))
        }
        router.on(.GET, "/r/{room}") { .now(self.inRoom($0, $1, self.page)) }
        router.on(.POST, "/join/{room}") { .now(self.inRoom($0, $1, self.join)) }
        // Older Android clients join so.
        router.on(.POST, "/r/{room}") { .now(self.inRoom($0, $1, self.join)) }
        router.on(.POST, "/message/{room}/{client}") { .now(self.inSeat($0, $1, self.message)) }
        router.on(.POST, "/leave/{room}/{client}") { .now(self.inSeat($0, $1, self.leave)) }
        // So a lone Collider tells that it freed a seat.
        router.on(.POST, "/bye/{room}/{client}") { .now(self.inSeat($0, $1, self.leave)) }
        for method in [HTTPMethod.GET, .POST] {
            router.on(method, "/v1alpha/iceconfig") { request, _ in
                .now(self.ice.reply(to: request))
            }
        }
    }

    // MARK: Answers

    private func page(_ request: Request, _ room: String) -> Response {
        let parameters = self.parameters(of: request, room: room)
        let page = lobby.isFull(room) ? Page.full : Page.call
        return page.response(values: parameters.values)
    }

    private func join(_ request: Request, _ room: String) -> Response {
        let now = Now.current
        guard configuration.admits(request, to: room, at: now.unixSeconds) else {
            return Self.joinResult(.forbidden, "ERROR", ["messages": .array([])])
        }
        if let source = request.source, !joins.allows(source, at: now.monotonic) {
            return .tooManyRequests(retryAfterSeconds: 1)
        }
        let isLoopback = request.parameter("debug") == "loopback"
        switch lobby.join(room, isLoopback: isLoopback, now: .now()) {
        case .joined(let client, let isInitiator, let messages, let peers):
            var parameters = self.parameters(of: request, room: room, participant: client)
            parameters.add(client: client, isInitiator: isInitiator, messages: messages)
            var members = parameters.members
            if lobby.isMesh(room) { members["peers"] = .strings(peers) }
            return Self.joinResult(.ok, "SUCCESS", members)
        case .full: return Self.joinResult(.ok, "FULL", ["messages": .array([])])
        case .refused: return Self.joinResult(.ok, "ERROR", ["messages": .array([])])
        }
    }

    /// The body is the message, whatever its type: iOS calls it a form.
    private func message(_ request: Request, _ room: String, _ client: String) -> Response {
        let text = String(validating: request.body.readableBytesView, as: UTF8.self)
        guard let text, !text.isEmpty else { return Self.result("ERROR") }
        let addressee = request.parameter("to")
        switch lobby.message(text, to: addressee, from: client, in: room) {
        case .success: return Self.result("SUCCESS")
        case .unknownRoom: return Self.result("UNKNOWN_ROOM")
        case .unknownClient: return Self.result("UNKNOWN_CLIENT")
        case .refused(isAlone: true): return Self.result("ERROR")
        case .refused(isAlone: false): return .empty(.internalServerError)
        }
    }

    private func leave(_ request: Request, _ room: String, _ client: String) -> Response {
        lobby.leave(client, from: room, now: .now())
        return .empty(.ok)
    }

    /// Events are checked as AppRTC does, and not kept.
    static func analytics(_ request: Request) -> Response {
        struct Event: Decodable {
            var event_type: Int, event_time_ms: Double, room_id: String?, flow_id: Int?
        }
        struct Report: Decodable {
            var type: String, request_time_ms: Double, client_type: Int?, event: Event
        }
        let data = Data(request.body.readableBytesView)
        let report = try? JSONDecoder().decode(Report.self, from: data)
        return result(report?.type == "event" ? "SUCCESS" : "INVALID_REQUEST")
    }

    private func parameters(
        of request: Request,
        room: String? = nil,
        participant: String? = nil
    ) -> CallParameters {
        let url = ice.url(for: request, room: room, participant: participant)
        return CallParameters(request, room: room, iceServerURL: url, configuration)
    }

    private static func result(_ word: String) -> Response {
        .json(.ok, JSONValue.object(["result": .string(word)]))
    }

    private static func joinResult(
        _ status: HTTPResponseStatus,
        _ word: String,
        _ parameters: [String: JSONValue]
    ) -> Response {
        .json(status, JSONValue.object(["result": .string(word), "params": .object(parameters)]))
    }

    // MARK: Names

    private func inRoom(
        _ request: Request,
        _ parameters: PathParameters,
        _ answer: (Request, String) -> Response
    ) -> Response {
        let room = parameters["room"] ?? ""
        return Lobby.isName(room) ? answer(request, room) : .text(.notFound, "Not Found\n")
    }

    private func inSeat(
        _ request: Request,
        _ parameters: PathParameters,
        _ answer: (Request, String, String) -> Response
    ) -> Response {
        inRoom(request, parameters) { request, room in
            let client = parameters["client"] ?? ""
            let isName = Lobby.isName(client)
            return isName ? answer(request, room, client) : .text(.notFound, "Not Found\n")
        }
    }
}
