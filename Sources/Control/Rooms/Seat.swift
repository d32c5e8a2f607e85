/// A client's seat in a room, which outlives its socket by some seconds.

import NIOCore

/// A place of one client in a room, with what it sent that nobody could be given yet.
struct Seat {
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
    var standing: Standing
    /// The number of this seat among all that the room ever had.
    let arrival: Int
    var socket: (any SignallingSocket)?
    /// Whether the last it said to all was that it hangs up.
    var saidBye = false
    /// When it is freed; nil while it has a socket.
    var deadline: NIODeadline?
    var undelivered = MessageQueue()

    var isDeparted: Bool {
        if case .departed = standing { true } else { false }
    }

    /// Whether it may say something to another seat.
    func mayReach(_ other: Seat) -> Bool {
        if other.client == client || other.isDeparted { return false }
        if case .departed(let arrivals) = standing { return other.arrival < arrivals }
        return true
    }
}

/// Messages of one client that wait for those they are for.
struct MessageQueue {
    /// A message that waits.
    struct Entry: Equatable {
        let text: String
        /// Nil: for whoever comes next.
        var addressee: String?
    }

    /// Messages that one client may have waiting, as Collider has it.
    static let countLimit = 1024
    /// Their bytes in UTF-8; a call's offer and candidates take some 20 000.
    static let byteLimit = 524_288

    private(set) var entries: [Entry] = []
    private(set) var bytes = 0

    /// Adds a message; false when there is no room for it.
    mutating func append(_ entry: Entry) -> Bool {
        let size = entry.text.utf8.count
        guard entries.count < Self.countLimit, bytes + size <= Self.byteLimit else { return false }
        entries.append(entry)
        bytes += size
        return true
    }

    /// Takes out what fits, in order.
    mutating func take(where fits: (Entry) -> Bool) -> [String] {
        if entries.isEmpty { return [] }
        let taken = entries.filter(fits).map(\.text)
        entries.removeAll(where: fits)
        bytes -= taken.reduce(0) { $0 + $1.utf8.count }
        return taken
    }

    /// Makes what was for this client be for whoever comes next.
    mutating func release(from client: String) {
        for index in entries.indices where entries[index].addressee == client {
            entries[index].addressee = nil
        }
    }
}
