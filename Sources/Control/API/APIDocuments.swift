/// The JSON of the REST API; `openapi.json` describes the same for clients.

import FoundationEssentials
import NIOCore
import NIOHTTP1

/// A room; who is in it is only for the admin, as a participant's id is all it takes to speak for it.
public struct RoomDocument: Codable, Equatable, Sendable {
    /// One who joined.
    public struct Participant: Codable, Equatable, Sendable {
        /// What its client speaks under.
        public let id: String
        /// Whether it makes the offer, as the first that came, and whether its socket is registered.
        public let isInitiator: Bool, isConnected: Bool
    }

    /// The room's name.
    public let id: String
    /// Seats in all, and those taken.
    public let capacity: Int, occupancy: Int
    /// Whether it outlives its participants.
    public let isReserved: Bool
    /// Who is in it; nil unless an admin asks.
    public let participants: [Participant]?

    /// A room as it is now.
    init(_ room: Room, forAdmin isForAdmin: Bool) {
        let seats = room.participants
        let documents = seats.enumerated().map { index, seat in
            Participant(id: seat.client, isInitiator: index == 0, isConnected: seat.socket != nil)
        }
        id = room.name
        capacity = room.capacity
        occupancy = seats.count
        isReserved = room.isReserved
        participants = isForAdmin ? documents : nil
    }
}

/// Some rooms by name, and after which of them the next ones come.
public struct RoomListDocument: Codable, Equatable, Sendable {
    /// The rooms.
    public let rooms: [RoomDocument]
    /// Where the list goes on; nil at its end.
    public let next: String?
}

/// What one who has just joined needs to know.
struct ParticipantDocument: Codable, Equatable {
    let room: String, id: String
    let isInitiator: Bool
    let messages: [String], peers: [String]
    let webSocketUrl: String
    let iceServers: [ICEConfiguration.Server]
    let iceServersUrl: String
}

/// The body of a request to make a room; every member may be left out, no other may be there.
struct RoomRequest {
    /// Bytes of a body, several times what one can be.
    private static let bodyLimit = 4096
    private static let rule =
        "the body must be a JSON object with nothing but id (1 to 128 letters, digits, - and _) and capacity (2 to 16)"

    private(set) var id: String?
    private(set) var capacity: Int?

    /// What a request asks for; without a body, a room with nothing special.
    init(_ request: Request) throws(Response) {
        let body = request.body.readableBytesView
        if body.isEmpty { return }
        if body.count > Self.bodyLimit { throw .problem(.payloadTooLarge, "the body is too large") }
        // A page of another site cannot send this type without asking first.
        let type = request.headers.first(name: "Content-Type")?.prefix { !"; \t".contains($0) }
        guard type?.lowercased() == "application/json" else {
            throw .problem(.unsupportedMediaType, "the body must be application/json")
        }
        let members = try? JSONDecoder().decode([String: JSONValue].self, from: Data(body))
        guard let members else { throw .problem(.badRequest, Self.rule) }
        for (name, value) in members {
            switch (name, value) {
            case ("id", .string(let text)) where Lobby.isName(text): id = text
            case ("capacity", .number(let number)) where 2...16 ~= number: capacity = number
            default: throw .problem(.badRequest, Self.rule)
            }
        }
    }
}
