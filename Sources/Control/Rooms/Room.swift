/// A room and what others may see of it.

import NIOCore

/// Clients that hear each other, in the order they came.
struct Room {
    /// Participants at most.
    let capacity: Int
    /// Made through the API; it outlives its participants until nobody used it for `ttlSeconds`.
    let isReserved: Bool
    var usedAt: NIODeadline
    var seats: [Seat] = []
    /// Seats there ever were.
    var arrivals = 0
    /// One participant talks to itself, and the other seat is taken by a pseudo client.
    var isLoopback = false

    /// Room for more than two, our extension: frames say whom they are from, and messages may name whom they are for.
    var isMesh: Bool { capacity > 2 }
    var participants: [Seat] { seats.filter { $0.standing == .participant } }
    var hasParticipants: Bool { seats.contains { $0.standing == .participant } }
    /// Seats whose clients have not left.
    var occupancy: Int { seats.count { !$0.isDeparted } }
    var isFull: Bool { isLoopback || seats.count { $0.standing == .participant } >= capacity }
    /// A room that exists for those who join: others are only known to signalling.
    var isPublic: Bool { isReserved || hasParticipants }

    /// Where a client sits.
    func index(of client: String) -> Int? { seats.firstIndex { $0.client == client } }
}

/// What the API and the admin see of a room.
struct RoomDescription: Equatable {
    /// Somebody in it.
    struct Participant: Equatable {
        let id: String
        /// The one who makes offers: of the participants, the first that came.
        let isInitiator: Bool
        /// Whether its socket is registered now.
        let isConnected: Bool
    }

    let name: String
    let capacity: Int
    let isReserved: Bool
    let participants: [Participant]

    init(_ name: String, _ room: Room) {
        self.name = name
        capacity = room.capacity
        isReserved = room.isReserved
        let seats = room.participants
        participants = seats.enumerated().map { index, seat in
            let isConnected = seat.socket != nil
            return Participant(id: seat.client, isInitiator: index == 0, isConnected: isConnected)
        }
    }
}
