/// The REST API: rooms and ICE servers under `/api/v1`, and its description in OpenAPI.

import NIOCore
import NIOHTTP1
import TURN

/// Routes of the REST API.
struct APIRoutes {
    /// A request, the names in its path, and when it came.
    private struct Call {
        let request: Request
        let parameters: PathParameters
        let now: Now

        /// The room that the path names.
        var room: String {
            get throws(Refusal) {
                guard let name = parameters["room"], Lobby.isName(name) else {
                    throw APIRoutes.noRoom
                }
                return name
            }
        }
    }

    private typealias Answer = (Call) throws(Refusal) -> Response

    /// Rooms of one answer, unless the request says how many.
    private static let listLength = 100
    private static let listLengths = 1...1000
    private static let document = ByteBuffer(bytes: PackageResources.openapi_json)

    private let configuration: ControlConfiguration
    private let lobby: Lobby
    private let ice: ICEServers
    private let gate: APIGate
    private let clock: () -> Now

    /// Routes over these rooms.
    init(
        _ configuration: ControlConfiguration,
        lobby: Lobby,
        ice: ICEServers,
        clock: @escaping () -> Now = { .current }
    ) {
        self.configuration = configuration
        self.lobby = lobby
        self.ice = ice
        self.clock = clock
        gate = APIGate(configuration)
    }

    /// Adds them.
    func add(to router: inout Router) {
        router.on(.GET, "/api/openapi.json") { _, _ in .now(.json(.ok, Self.document)) }
        // It counts by itself, for clients of AppRTC too.
        router.on(.GET, "/api/v1/ice-servers") { request, _ in
            .now(ice.reply(to: request, at: clock()))
        }
        on(.POST, "/api/v1/rooms", &router, create)
        on(.GET, "/api/v1/rooms", &router, list)
        on(.GET, "/api/v1/rooms/{room}", &router, get)
        on(.DELETE, "/api/v1/rooms/{room}", &router, delete)
        on(.POST, "/api/v1/rooms/{room}/participants", &router, join)
        on(.DELETE, "/api/v1/rooms/{room}/participants/{participant}", &router, kick)
    }

    private func on(
        _ method: HTTPMethod,
        _ pattern: String,
        _ router: inout Router,
        _ answer: @escaping Answer
    ) {
        router.on(method, pattern) { request, parameters in
            let now = clock()
            do throws(Refusal) {
                try gate.count(.request, of: request, at: now)
                return .now(try answer(Call(request: request, parameters: parameters, now: now)))
            } catch {
                return .now(error.response)
            }
        }
    }

    private func create(_ call: Call) throws(Refusal) -> Response {
        let (request, now) = (call.request, call.now)
        let wanted = try RoomRequest(request)
        // No token is for a room that has no name yet.
        try gate.requireAccess(request, to: wanted.id ?? "", at: now)
        try gate.count(.room, of: request, at: now)
        switch lobby.create(wanted.id, capacity: wanted.capacity, now: now.deadline) {
        case .exists: throw Refusal(.conflict, "there is a room of this name")
        case .refused: throw Refusal(.serviceUnavailable, "there are too many rooms")
        case .created(let room):
            var response = Response.json(.created, shown(room, to: request))
            response.headers.add(name: "Location", value: "/api/v1/rooms/\(room.id)")
            return response
        }
    }

    private func list(_ call: Call) throws(Refusal) -> Response {
        try gate.requireAdmin(call.request)
        let length = call.request.parameter("limit").map {
            decimal($0).map(Int.init(clamping:))
        }
        guard let length = length ?? Self.listLength, Self.listLengths.contains(length) else {
            throw Refusal(.badRequest, "limit must be 1 to 1000")
        }
        let after = call.request.parameter("after")
        guard after.map(Lobby.isName) ?? true else {
            throw Refusal(.badRequest, "after must be the name of a room")
        }
        // One more than is told, to know whether there are more.
        let rooms = lobby.list(after: after ?? "", limit: length + 1)
        let told = Array(rooms.prefix(length))
        let next = rooms.count > told.count ? told.last?.id : nil
        return .json(.ok, RoomListDocument(rooms: told, next: next))
    }

    private func get(_ call: Call) throws(Refusal) -> Response {
        let (request, now) = (call.request, call.now)
        let name = try call.room
        try gate.requireAccess(request, to: name, at: now)
        guard let room = lobby.get(name) else { throw Self.noRoom }
        return .json(.ok, shown(room, to: request))
    }

    private func shown(_ room: RoomDocument, to request: Request) -> RoomDocument {
        request.isFromAdmin(configuration) ? room : room.forAll
    }

    private func delete(_ call: Call) throws(Refusal) -> Response {
        try gate.requireAdmin(call.request)
        if !lobby.delete(try call.room) { throw Self.noRoom }
        return .empty(.noContent)
    }

    private func join(_ call: Call) throws(Refusal) -> Response {
        let (request, now) = (call.request, call.now)
        let name = try call.room
        try gate.requireAccess(request, to: name, at: now)
        try gate.count(.seat, of: request, at: now)
        switch lobby.join(name, now: now.deadline) {
        case .full: throw Refusal(.conflict, "the room is full")
        case .refused: throw Refusal(.serviceUnavailable, "there are too many rooms")
        case .joined(let client, let isInitiator, let messages, let peers):
            let servers = ice.servers(for: request, room: name, participant: client, at: now)
            let document = ParticipantDocument(
                room: name,
                id: client,
                isInitiator: isInitiator,
                messages: messages,
                peers: lobby.isMesh(name) ? peers : [],
                webSocketUrl: (request.isSecure ? "wss://" : "ws://") + request.authority + "/ws",
                iceServers: servers.iceServers,
                iceServersUrl: ice.url(for: request, room: name, participant: client, at: now)
            )
            return .json(.created, document)
        }
    }

    private func kick(_ call: Call) throws(Refusal) -> Response {
        try gate.requireAdmin(call.request)
        let room = try call.room
        guard lobby.kick(call.parameters["participant"] ?? "", from: room) else {
            throw Refusal(.notFound, "there is no such participant")
        }
        return .empty(.noContent)
    }

    private static let noRoom = Refusal(.notFound, "there is no such room")
}

extension Now {
    /// The same moment for timers of the event loop.
    fileprivate var deadline: NIODeadline { .uptimeNanoseconds(monotonic.nanoseconds) }
}
