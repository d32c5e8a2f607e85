/// The REST API: rooms and ICE servers under `/api/v1`, and its description in OpenAPI.

import NIOCore
import NIOHTTP1
import TURN
import Tokens

/// Routes of the REST API.
struct APIRoutes {
    /// Rooms of one answer, unless the request says how many.
    private static let listLength = 100
    private static let listLengths = 1...1000
    private static let document = ByteBuffer(bytes: PackageResources.openapi_json)

    let context: ControlContext

    /// Adds them.
    func add(to router: inout Router) {
        router.on(.GET, "/api/openapi.json") { _ in .json(.ok, Self.document) }
        // It counts by itself, for clients of AppRTC too.
        router.on(.GET, "/api/v1/ice-servers") { context.ice.reply(to: $0) }
        let room = "/api/v1/rooms/{room}"
        let counted: [(HTTPMethod, String, Router.Answer)] = [
            (.POST, "/api/v1/rooms", create), (.GET, "/api/v1/rooms", list),
            (.GET, room, get), (.DELETE, room, delete), (.POST, room + "/participants", join),
            (.DELETE, room + "/participants/{participant}", kick),
        ]
        for (method, pattern, answer) in counted {
            router.on(method, pattern) { (request) throws(Response) in
                try context.gate.count(.request, of: request)
                return try answer(request)
            }
        }
    }

    private func create(_ request: Request) throws(Response) -> Response {
        let wanted = try RoomRequest(request)
        // No token is for a room that has no name yet.
        try context.gate.requireAccess(request, to: wanted.id ?? "")
        try context.gate.count(.room, of: request)
        switch context.lobby.create(wanted.id, capacity: wanted.capacity) {
        case .exists: throw .problem(.conflict, "there is a room of this name")
        case .refused: throw Self.tooManyRooms
        case .created(let room):
            var response = Response.json(.created, shown(room, to: request))
            response.headers.add(name: "Location", value: "/api/v1/rooms/\(room.id)")
            return response
        }
    }

    private func list(_ request: Request) throws(Response) -> Response {
        try context.gate.requireAdmin(request)
        let length = request.parameter("limit").map { decimal($0).map(Int.init(clamping:)) }
        guard let length = length ?? Self.listLength, Self.listLengths.contains(length) else {
            throw .problem(.badRequest, "limit must be 1 to 1000")
        }
        let after = request.parameter("after")
        guard after.map(Lobby.isName) ?? true else {
            throw .problem(.badRequest, "after must be the name of a room")
        }
        // One more than is told, to know whether there are more.
        let rooms = context.lobby.list(after: after ?? "", limit: length + 1)
        let told = Array(rooms.prefix(length))
        let next = rooms.count > told.count ? told.last?.id : nil
        return .json(.ok, RoomListDocument(rooms: told, next: next))
    }

    private func get(_ request: Request) throws(Response) -> Response {
        let name = try request.name("room")
        try context.gate.requireAccess(request, to: name)
        guard let room = context.lobby.get(name) else { throw Self.noRoom }
        return .json(.ok, shown(room, to: request))
    }

    private func shown(_ room: RoomDocument, to request: Request) -> RoomDocument {
        request.isFromAdmin(context.configuration) ? room : room.forAll
    }

    private func delete(_ request: Request) throws(Response) -> Response {
        try context.gate.requireAdmin(request)
        if !context.lobby.delete(try request.name("room")) { throw Self.noRoom }
        return .empty(.noContent)
    }

    private func join(_ request: Request) throws(Response) -> Response {
        let (lobby, ice, name) = (context.lobby, context.ice, try request.name("room"))
        try context.gate.requireAccess(request, to: name)
        try context.gate.count(.seat, of: request)
        switch lobby.join(name) {
        case .full: throw .problem(.conflict, "the room is full")
        case .refused: throw Self.tooManyRooms
        case .joined(let client, let isInitiator, let messages, let peers):
            let document = ParticipantDocument(
                room: name,
                id: client,
                isInitiator: isInitiator,
                messages: messages,
                peers: lobby.isMesh(name) ? peers : [],
                webSocketUrl: (request.isSecure ? "wss://" : "ws://") + request.authority + "/ws",
                iceServers: ice.servers(for: request, room: name, participant: client),
                iceServersUrl: ice.url(for: request, room: name, participant: client)
            )
            return .json(.created, document)
        }
    }

    private func kick(_ request: Request) throws(Response) -> Response {
        try context.gate.requireAdmin(request)
        let (room, participant) = (try request.name("room"), try request.name("participant"))
        guard context.lobby.kick(participant, from: room) else {
            throw .problem(.notFound, "there is no such participant")
        }
        return .empty(.noContent)
    }

    private static let noRoom = Response.problem(.notFound, "there is no such room")
    private static let tooManyRooms = Response.problem(
        .serviceUnavailable,
        "there are too many rooms"
    )
}
