/// A room, and the seats of its clients, which outlive their sockets by some seconds.

import NIOCore

/// Clients that hear each other, in the order they came.
final class Room {
    let name: String
    /// Participants at most.
    let capacity: Int
    /// Made through the API; it outlives its participants until nobody used it for `ttlSeconds`.
    let isReserved: Bool
    var usedAt: NIODeadline
    var seats: [Seat] = []
    /// Seats there ever were.
    private(set) var arrivals = 0
    /// One participant talks to itself, and the other seat is taken by a pseudo client.
    var isLoopback = false

    init(_ name: String, capacity: Int, isReserved: Bool, usedAt: NIODeadline) {
        self.name = name
        self.capacity = capacity
        self.isReserved = isReserved
        self.usedAt = usedAt
    }

    /// Room for more than two, our extension: frames say whom they are from, and messages may name whom they are for.
    var isMesh: Bool { capacity > 2 }

    var participants: [Seat] { seats.filter { $0.standing == .participant } }

    var isFull: Bool { isLoopback || participants.count >= capacity }

    /// A room that exists for those who join: others are only known to signalling.
    var isPublic: Bool { isReserved || !participants.isEmpty }

    /// A client's seat.
    subscript(client: String) -> Seat? { seats.first { $0.client == client } }

    func addSeat(_ client: String, _ standing: Seat.Standing) -> Seat {
        let seat = Seat(client, standing, in: self, arrival: arrivals)
        seats.append(seat)
        arrivals += 1
        return seat
    }
}

/// A place of one client in a room, with what it sent that nobody could be given yet.
final class Seat {
    /// How its client stands to the room.
    enum Standing: Equatable {
        /// Only used signalling, as clients of a lone Collider do; there are none beside participants.
        case visitor
        /// Joined.
        case participant
        /// Left; it may still say bye to those who were there before `arrivals` had come to this number.
        case departed(arrivals: Int)
    }

    let client: String
    /// Outlives its seats, but not what else still knows them.
    unowned let room: Room
    /// The number of this seat among all that the room ever had.
    private let arrival: Int
    var standing: Standing
    var socket: (any SignallingSocket)?
    /// Whether the last it said to all was that it hangs up.
    var saidBye = false
    var undelivered = MessageQueue()

    fileprivate init(_ client: String, _ standing: Standing, in room: Room, arrival: Int) {
        self.client = client
        self.standing = standing
        self.room = room
        self.arrival = arrival
    }

    var isDeparted: Bool {
        if case .departed = standing { true } else { false }
    }

    /// Whether it may say something to another seat.
    func mayReach(_ other: Seat) -> Bool {
        if other === self || other.isDeparted { return false }
        if case .departed(let arrivals) = standing { return other.arrival < arrivals }
        return true
    }

    /// What it says, as the frame that others get; it names the sender in rooms of more than two.
    func frame(_ text: String) -> String {
        SignallingFrame.message(text, from: room.isMesh ? client : nil)
    }
}
