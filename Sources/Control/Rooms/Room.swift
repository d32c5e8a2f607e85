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
    fileprivate(set) var arrivals = 0

    init(_ name: String, capacity: Int, isReserved: Bool, usedAt: NIODeadline) {
        self.name = name
        self.capacity = capacity
        self.isReserved = isReserved
        self.usedAt = usedAt
    }

    /// Room for more than two, our extension: frames say whom they are from, and messages may name whom they are for.
    var isMesh: Bool { capacity > 2 }

    var participants: [Seat] { seats.filter { $0.standing == .participant } }

    /// The seat of the pseudo client in a room where one participant talks to itself: it takes all that is free.
    var loopback: Seat? { participants.first { $0.client == Seat.loopbackClient } }

    var isFull: Bool { loopback != nil || participants.count >= capacity }

    /// A room that exists for those who join: others are only known to signalling.
    var isPublic: Bool { isReserved || !participants.isEmpty }

    /// A client's seat.
    subscript(client: String) -> Seat? { seats.first { $0.client == client } }
}

/// A place of one client in a room, with what it sent that nobody could be given yet.
final class Seat {
    /// How its client stands to the room.
    enum Standing {
        /// Only used signalling, as clients of a lone Collider do; there are none beside participants.
        case visitor
        /// Joined.
        case participant
        /// Left; it may still say bye to those who were there.
        case departed
    }

    /// The other client of a loopback room.
    static let loopbackClient = "LOOPBACK_CLIENT_ID"

    let client: String
    /// Outlives its seats, but not what else still knows them.
    unowned let room: Room
    private(set) var standing: Standing
    var socket: (any SignallingSocket)?
    /// Whether the last it said to all was that it hangs up.
    var saidBye = false
    var undelivered = MessageQueue()
    /// The number of this seat among all that the room ever had.
    private let arrival: Int
    /// Whom it may still reach: those with lower numbers.
    private var reach = Int.max

    /// A seat at the end of the room.
    init(_ client: String, _ standing: Standing, in room: Room) {
        self.client = client
        self.standing = standing
        self.room = room
        arrival = room.arrivals
        room.arrivals += 1
        room.seats.append(self)
    }

    /// Its client leaves, and does not know those who come now.
    func depart() {
        standing = .departed
        reach = room.arrivals
    }

    /// Whether it may say something to another seat.
    func mayReach(_ other: Seat) -> Bool {
        other !== self && other.standing != .departed && other.arrival < reach
    }

    /// What it says, as the frame that others get; it names the sender in rooms of more than two.
    func frame(_ text: String) -> String {
        SignallingFrame.message(text, from: room.isMesh ? client : nil)
    }
}
