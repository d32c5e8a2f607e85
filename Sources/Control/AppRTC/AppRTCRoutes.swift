/// What AppRTC's room server answered (apprtc.md 2), and its pages.

import FoundationEssentials
import NIOCore
import NIOHTTP1
import TURN

/// The routes by which rooms are joined, used and left.
struct AppRTCRoutes {
    private static let nothing = JSONValue.object(["messages": .array([])])

    let context: ControlContext

    /// Adds them.
    func add(to router: inout Router) {
        router.on(.GET, "/") { Page.landing.response(values: CallParameters($0, context).values) }
        router.on(.GET, "/params") { .json(.ok, CallParameters($0, context).members) }
        router.on(.GET, "/r/{room}", page)
        router.on(.POST, "/join/{room}", join)
        // Older Android clients join so.
        router.on(.POST, "/r/{room}", join)
        router.on(.POST, "/message/{room}/{client}", message)
        router.on(.POST, "/leave/{room}/{client}", leave)
        // So a lone Collider tells that it freed a seat.
        router.on(.POST, "/bye/{room}/{client}", leave)
        router.on(.GET, "/v1alpha/iceconfig") { context.ice.reply(to: $0) }
        router.on(.POST, "/v1alpha/iceconfig") { context.ice.reply(to: $0) }
    }

    private func page(_ request: Request) throws(Response) -> Response {
        let room = try request.name("room")
        let page = context.lobby.isFull(room) ? Page.full : Page.call
        return page.response(values: CallParameters(request, context, room: room).values)
    }

    private func join(_ request: Request) throws(Response) -> Response {
        let room = try request.name("room")
        guard context.configuration.admits(request, to: room, at: request.time.unixSeconds) else {
            var refusal = Self.result("ERROR", Self.nothing)
            refusal.status = .forbidden
            return refusal
        }
        try context.gate.count(.join, of: request)
        let isLoopback = request.parameter("debug") == "loopback"
        guard let joined = context.lobby.join(room, isLoopback: isLoopback) else {
            return Self.result(context.lobby.isFull(room) ? "FULL" : "ERROR", Self.nothing)
        }
        let parameters = CallParameters(request, context, room: room, joined)
        return Self.result("SUCCESS", .object(parameters.members))
    }

    /// The body is the message, whatever its type: iOS calls it a form.
    private func message(_ request: Request) throws(Response) -> Response {
        let (room, client) = (try request.name("room"), try request.name("client"))
        let text = String(validating: request.body.readableBytesView, as: UTF8.self)
        guard let text, !text.isEmpty else { return Self.result("ERROR") }
        guard let seat = context.lobby.participant(client, in: room) else {
            let isRoom = context.lobby.get(room) != nil
            return Self.result(isRoom ? "UNKNOWN_CLIENT" : "UNKNOWN_ROOM")
        }
        do throws(SignallingError) {
            try context.lobby.send(text, to: request.parameter("to"), from: seat)
            return Self.result("SUCCESS")
        } catch {
            // It could not be kept here, or Collider would not have taken it.
            let isAlone = seat.room.participants.count == 1
            return isAlone ? Self.result("ERROR") : .empty(.internalServerError)
        }
    }

    private func leave(_ request: Request) throws(Response) -> Response {
        let (room, client) = (try request.name("room"), try request.name("client"))
        if let seat = context.lobby.participant(client, in: room) { context.lobby.depart(seat) }
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

    private static func result(_ word: String, _ parameters: JSONValue? = nil) -> Response {
        var members = ["result": JSONValue.string(word)]
        members["params"] = parameters
        return .json(.ok, members)
    }
}
