/// The REST API: rooms and ICE servers under `/api/v1`, and its description in OpenAPI.

import NIOCore
import NIOHTTP1
import TURN
import Tokens

/// Routes of the REST API.
struct APIRoutes {
    private static let document = ByteBuffer(bytes: PackageResources.openapi_json)

    let context: ControlContext

    /// Adds them.
    func add(to router: inout Router) {
        router.on(.GET, "/api/openapi.json") { _ in
            Response(.ok, type: "application/json", Self.document)
        }
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
        let name = wanted.id ?? ""
        try context.gate.requireAccess(request, to: name)
        try context.gate.count(.room, of: request)
        if context.lobby.rooms[name] != nil {
            throw .problem(.conflict, "there is a room of this name")
        }
        let made = context.lobby.create(wanted.id, capacity: wanted.capacity)
        guard let room = made else { throw Self.tooMany }
        let document = RoomDocument(room, forAdmin: request.isFromAdmin(context.configuration))
        return .json(.created, document).with("Location", "/api/v1/rooms/\(room.name)")
    }

    private func list(_ request: Request) throws(Response) -> Response {
        try context.gate.requireAdmin(request)
        let limit = try request.limit(unlessGiven: 100, maximum: 1000)
        let after = request.parameter("after")
        guard after.map(Lobby.isName) ?? true else {
            throw .problem(.badRequest, "after must be the name of a room")
        }
        // One more than is told, to know whether there are more.
        let rooms = context.lobby.list(after: after ?? "", limit: limit + 1)
        let told = rooms.prefix(limit)
        let list = RoomListDocument(
            rooms: told.map { RoomDocument($0, forAdmin: true) },
            next: rooms.count > told.count ? told.last?.name : nil
        )
        return .json(.ok, list)
    }

    private func get(_ request: Request) throws(Response) -> Response {
        let name = try request.name("room")
        try context.gate.requireAccess(request, to: name)
        guard let room = context.lobby.get(name) else { throw Self.noRoom }
        return .json(.ok, RoomDocument(room, forAdmin: request.isFromAdmin(context.configuration)))
    }

    private func delete(_ request: Request) throws(Response) -> Response {
        try context.gate.requireAdmin(request)
        guard let room = context.lobby.get(try request.name("room")) else { throw Self.noRoom }
        context.lobby.delete(room)
        return .empty(.noContent)
    }

    private func join(_ request: Request) throws(Response) -> Response {
        let (lobby, ice, name) = (context.lobby, context.ice, try request.name("room"))
        try context.gate.requireAccess(request, to: name)
        try context.gate.count(.seat, of: request)
        guard let joined = lobby.join(name) else {
            throw lobby.isFull(name) ? .problem(.conflict, "the room is full") : Self.tooMany
        }
        let holder = ICEServers.holder(room: name, participant: joined.client)
        let document = ParticipantDocument(
            room: name,
            id: joined.client,
            isInitiator: joined.isInitiator,
            messages: joined.messages,
            peers: joined.peers ?? [],
            webSocketUrl: (request.isSecure ? "wss://" : "ws://") + request.authority + "/ws",
            iceServers: ice.issue(to: holder, for: request).iceServers,
            iceServersUrl: ice.url(for: request, room: name, participant: joined.client)
        )
        return .json(.created, document)
    }

    private func kick(_ request: Request) throws(Response) -> Response {
        try context.gate.requireAdmin(request)
        let (room, client) = (try request.name("room"), try request.name("participant"))
        guard let seat = context.lobby.participant(client, in: room) else {
            throw .problem(.notFound, "there is no such participant")
        }
        context.lobby.kick(seat)
        return .empty(.noContent)
    }

    private static let noRoom = Response.problem(.notFound, "there is no such room")
    private static let tooMany = Response.problem(.serviceUnavailable, "there are too many rooms")
}

extension Request {
    /// How many things a list shall have at most.
    func limit(unlessGiven usual: Int, maximum: Int) throws(Response) -> Int {
        guard let text = parameter("limit") else { return usual }
        guard let limit = decimal(text), (1...UInt64(maximum)).contains(limit) else {
            throw .problem(.badRequest, "limit: a number from 1 to \(maximum)")
        }
        return Int(limit)
    }
}
