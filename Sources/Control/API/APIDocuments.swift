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
        /// Whether it makes the offer, and whether its socket is registered.
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

    init(_ room: RoomDescription, forAdmin: Bool) {
        id = room.name
        capacity = room.capacity
        occupancy = room.participants.count
        isReserved = room.isReserved
        participants =
            !forAdmin
            ? nil
            : room.participants.map {
                Participant(id: $0.id, isInitiator: $0.isInitiator, isConnected: $0.isConnected)
            }
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
    let room: String
    let id: String
    let isInitiator: Bool
    let messages: [String]
    let peers: [String]
    let webSocketUrl: String
    let iceServers: [ICEConfiguration.Server]
    let iceServersUrl: String
}

/// The body of a request to make a room; every member may be left out, no other may be there.
struct RoomRequest: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case id, capacity
    }

    /// Any member at all, to find those that are none of ours.
    private struct AnyKey: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    private struct Malformed: Error {}

    static let capacities = 2...16
    /// Bytes of a body, several times what one can be.
    static let bodyLimit = 4096
    static let rule =
        "the body must be a JSON object with nothing but id (1 to 128 letters, digits, - and _) and capacity (2 to 16)"

    let id: String?
    let capacity: Int?

    private init() {
        id = nil
        capacity = nil
    }

    init(from decoder: any Decoder) throws {
        let names = try decoder.container(keyedBy: AnyKey.self).allKeys.map(\.stringValue)
        let members = try decoder.container(keyedBy: CodingKeys.self)
        // A member that is null is there, and is not what it should be.
        id = try names.contains("id") ? members.decode(String.self, forKey: .id) : nil
        capacity =
            try names.contains("capacity") ? members.decode(Int.self, forKey: .capacity) : nil
        guard names.allSatisfy({ CodingKeys(stringValue: $0) != nil }),
            id.map(Lobby.isName) ?? true,
            capacity.map(Self.capacities.contains) ?? true
        else { throw Malformed() }
    }

    /// What a request asks for; without a body, a room with nothing special.
    static func read(_ request: Request) throws(Refusal) -> RoomRequest {
        let body = request.body.readableBytesView
        if body.isEmpty { return RoomRequest() }
        if body.count > bodyLimit { throw Refusal(.payloadTooLarge, "the body is too large") }
        // A page of another site cannot send this type without asking first.
        guard request.mediaType == "application/json" else {
            throw Refusal(.unsupportedMediaType, "the body must be application/json")
        }
        do {
            return try JSONDecoder().decode(RoomRequest.self, from: Data(body))
        } catch {
            throw Refusal(.badRequest, rule)
        }
    }
}

extension Request {
    /// The type of the body without parameters, in lower case.
    var mediaType: String? {
        let name = headers.first(name: "Content-Type")?.prefix { $0 != ";" }
        return name?.lowercased().filter { $0 != " " && $0 != "\t" }
    }
}
