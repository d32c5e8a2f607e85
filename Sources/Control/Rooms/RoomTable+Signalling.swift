/// Collider's side of the rooms: registering, sending, and sockets that end.

import FoundationEssentials
import NIOCore

extension RoomTable {
    /// Gives a client's seat its socket, and the socket what waited for it.
    mutating func register(
        _ client: String,
        in name: String,
        with socket: any SignallingSocket,
        now: NIODeadline
    ) throws(SignallingError) {
        let index = try seat(of: client, in: name, now: now)
        guard let room = rooms[name] else { return }
        let seat = room.seats[index]
        if seat.socket != nil { throw .duplicateRegistration }
        rooms[name]?.seats[index].socket = socket
        rooms[name]?.seats[index].deadline = nil
        counters.add(.registrations)
        counters.add(.registered)
        for (sender, other) in room.seats.enumerated() where other.mayReach(seat) {
            let waiting = takeMessages(of: sender, in: name) {
                $0.addressee == client || $0.addressee == nil
            }
            for text in waiting { relay(text, from: other, to: socket, in: room) }
        }
    }

    /// Sends a client's message to the others, or keeps it for them.
    ///
    /// In rooms of more than two a message goes to the one it names, or to all; one who names somebody else is refused.
    mutating func send(
        _ text: String,
        to addressee: String? = nil,
        from client: String,
        in name: String
    ) throws(SignallingError) {
        guard let room = rooms[name], let index = room.index(of: client) else {
            throw .invalidClient
        }
        let sender = room.seats[index]
        let addressee = room.isMesh ? addressee : nil
        let others = room.seats.filter {
            sender.mayReach($0) && (addressee == nil || addressee == $0.client)
        }
        if others.isEmpty, addressee != nil { throw .invalidClient }
        if others.isEmpty, !sender.isDeparted {
            try enqueue(text, from: index, to: nil, in: name)
        }
        for other in others {
            if let socket = other.socket {
                relay(text, from: sender, to: socket, in: room)
            } else {
                try enqueue(text, from: index, to: other.client, in: name)
            }
        }
        if addressee != nil { return }
        let saidBye = isBye(text)
        rooms[name]?.seats[index].saidBye = saidBye
    }

    /// Sends as a socket does: a participant who says bye to all has left.
    ///
    /// Browsers send nothing else when a tab is closed, and the other side's next offer, which follows at once, must be
    /// kept for the next participant.
    mutating func signal(
        _ text: String,
        to addressee: String? = nil,
        from client: String,
        in name: String,
        now: NIODeadline
    ) throws(SignallingError) {
        try send(text, to: addressee, from: client, in: name)
        guard let room = rooms[name], let index = room.index(of: client) else { return }
        if room.seats[index].saidBye { leave(client, from: name, now: now) }
    }

    /// A message by HTTP instead of a socket; it makes a seat, too.
    mutating func post(
        _ text: String,
        from client: String,
        in name: String,
        now: NIODeadline
    ) throws(SignallingError) {
        _ = try seat(of: client, in: name, now: now)
        try signal(text, from: client, in: name, now: now)
    }

    /// A registered socket ended: the seat waits for another one.
    mutating func disconnect(
        _ client: String,
        in name: String,
        from socket: any SignallingSocket,
        now: NIODeadline
    ) {
        guard let index = rooms[name]?.index(of: client),
            rooms[name]?.seats[index].socket === socket
        else { return }
        rooms[name]?.seats[index].socket = nil
        counters.add(.registered, -1)
        startTimer(index, in: name, now: now)
    }

    /// A client's seat; one is made for a visitor, unless the room is for participants.
    private mutating func seat(
        of client: String,
        in name: String,
        now: NIODeadline
    ) throws(SignallingError) -> Int {
        if let index = rooms[name]?.index(of: client) { return index }
        if let room = rooms[name] {
            if room.hasParticipants || room.occupancy >= room.capacity { throw .roomIsFull }
        }
        if max(name.utf8.count, client.utf8.count) > Self.nameLimit { throw .invalidClient }
        guard !configuration.requiresToken, addSeat(client, .visitor, in: name, now: now),
            let index = rooms[name]?.index(of: client)
        else { throw .roomIsFull }
        startTimer(index, in: name, now: now)
        return index
    }

    private mutating func relay(
        _ text: String,
        from sender: Seat,
        to socket: any SignallingSocket,
        in room: Room
    ) {
        let frame = SignallingFrame.message(text, from: room.isMesh ? sender.client : nil)
        effects.append(.send(frame, to: socket))
        counters.add(.messagesRelayed)
    }

    private func isBye(_ text: String) -> Bool {
        struct Message: Decodable { var type: String }
        guard text.utf8.count <= 64, text.contains("bye") else { return false }
        let message = try? JSONDecoder().decode(Message.self, from: Data(text.utf8))
        return message?.type == "bye"
    }
}
