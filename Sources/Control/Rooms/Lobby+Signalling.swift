/// Collider's side of the rooms: sockets, registering, sending, and signalling by HTTP.

import FoundationEssentials
import Tokens

extension Lobby {
    /// A socket's client said something.
    func received(_ text: String, from socket: any SignallingSocket) {
        do throws(SignallingError) {
            switch try SignallingCommand(text) {
            case .register(let room, let client): try register(socket, as: client, in: room)
            case .send(let text, let addressee):
                guard let seat = registered[ObjectIdentifier(socket)] else { throw .notRegistered }
                if text.isEmpty { throw .missingMessage }
                // Who sends is not told when it fails.
                try? signal(text, to: addressee, from: seat)
            }
        } catch {
            counters.add(.webSocketErrors)
            socket.send(SignallingFrame.error(error))
            if error.isForgiven { return }
            closed(socket)
            socket.close()
        }
    }

    /// A socket ended, whoever ended it: the seat of one that was registered waits for another.
    func closed(_ socket: any SignallingSocket) {
        guard let seat = registered.removeValue(forKey: ObjectIdentifier(socket)) else { return }
        seat.socket = nil
        startTimer(seat, seconds: configuration.graceSeconds)
    }

    /// Sends a message as Collider's POST does.
    ///
    /// It makes a seat, too, and throws why it was refused.
    func post(_ text: String, from client: String, in room: String) throws(SignallingError) {
        try signal(text, from: try seat(of: client, in: room))
    }

    /// Frees a client's seat at once, as Collider's DELETE does, whether or not there is one.
    func remove(_ client: String, from room: String) {
        if let seat = rooms[room]?[Self.canonical(client)] { removeSeat(seat) }
    }

    /// Sends a client's message to the others, or keeps it for them or for the next.
    ///
    /// In rooms of more than two a message goes to the one it names, or to all; one who names somebody else is refused.
    func send(
        _ text: String,
        to addressee: String? = nil,
        from seat: Seat
    ) throws(SignallingError) {
        let addressee = seat.room.isMesh ? addressee : nil
        let others = seat.room.seats.filter {
            seat.mayReach($0) && (addressee == nil || addressee == $0.client)
        }
        if others.isEmpty, addressee != nil { throw .invalidClient }
        if others.isEmpty, seat.standing != .departed { try enqueue(text, from: seat, to: nil) }
        for other in others {
            if let socket = other.socket {
                relay(text, from: seat, to: socket)
            } else {
                try enqueue(text, from: seat, to: other.client)
            }
        }
        if addressee == nil { seat.saidBye = isBye(text) }
    }

    /// Gives a client's seat its socket, and the socket what waited for it.
    private func register(
        _ socket: any SignallingSocket,
        as client: String,
        in room: String
    ) throws(SignallingError) {
        if registered[ObjectIdentifier(socket)] != nil { throw .duplicateRegisterRequest }
        if room.isEmpty || client.isEmpty { throw .missingIdentifier }
        let seat = try seat(of: client, in: room)
        if seat.socket != nil { throw .duplicateRegistration }
        seat.socket = socket
        timers[ObjectIdentifier(seat)] = nil
        registered[ObjectIdentifier(socket)] = seat
        counters.add(.registrations)
        for other in seat.room.seats where other.mayReach(seat) {
            let waiting = takeMessages(of: other) { $0 == nil || $0 == seat.client }
            for text in waiting { relay(text, from: other, to: socket) }
        }
    }

    /// Sends as a socket does: a participant who says bye to all has left.
    ///
    /// Browsers send nothing else when a tab is closed, and the other side's next offer, which follows at once, must be
    /// kept for the next participant.
    private func signal(
        _ text: String,
        to addressee: String? = nil,
        from seat: Seat
    ) throws(SignallingError) {
        try send(text, to: addressee, from: seat)
        if seat.saidBye { depart(seat) }
    }

    /// A client's seat; one is made for a visitor, unless the room is for participants.
    private func seat(of client: String, in name: String) throws(SignallingError) -> Seat {
        let client = Self.canonical(client)
        if let room = rooms[name] {
            if let seat = room[client] { return seat }
            let occupancy = room.seats.count { $0.standing != .departed }
            if !room.participants.isEmpty || occupancy >= room.capacity { throw .roomIsFull }
        }
        if max(name.utf8.count, client.utf8.count) > RoomTokens.nameLimit { throw .invalidClient }
        guard !configuration.requiresToken, let room = room(name) else { throw .roomIsFull }
        let seat = addSeat(client, .visitor, in: room)
        startTimer(seat, seconds: configuration.graceSeconds)
        return seat
    }

    private func relay(_ text: String, from seat: Seat, to socket: any SignallingSocket) {
        socket.send(seat.frame(text))
        counters.add(.messagesRelayed)
    }

    private func isBye(_ text: String) -> Bool {
        struct Message: Decodable { var type: String }
        // A long one is not worth reading.
        guard text.utf8.count <= 64 else { return false }
        return (try? JSONDecoder().decode(Message.self, from: Data(text.utf8)))?.type == "bye"
    }

    /// Web and iOS spell the pseudo client differently; it is one seat.
    private static func canonical(_ client: String) -> String {
        client.lowercased() == "loopback_client_id" ? Seat.loopbackClient : client
    }
}
