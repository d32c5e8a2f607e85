/// The room server's side of the rooms: joining, leaving, and rooms made ahead.

/// What came of joining.
enum JoinResult: Equatable {
    /// A new seat.
    ///
    /// - client: The participant's id: unguessable, as whoever knows it may speak for it.
    /// - messages: What the other said so far; empty in rooms of more than two, where sockets bring it.
    /// - peers: Who is there already, in the order they came.
    case joined(client: String, isInitiator: Bool, messages: [String], peers: [String])
    /// Every seat is taken.
    case full
    /// There are too many rooms.
    case refused
}

/// What came of making a room.
enum CreateResult: Equatable {
    case created(RoomDocument)
    /// There is one of this name, or the clients of one.
    case exists
    /// There are too many rooms.
    case refused
}

extension Lobby {
    /// Digits of a participant's id: 66 bits.
    private static let identifierDigits = 20

    /// What came of a participant's message.
    enum MessageResult: Equatable {
        case success, unknownRoom, unknownClient
        /// Its queue is full; `isAlone` when it waited for the next participant.
        case refused(isAlone: Bool)
    }

    /// The seat of one who joined a room and has not left.
    private func participant(_ client: String, in name: String) -> Seat? {
        rooms[name]?.seats.first { $0.client == client && $0.standing == .participant }
    }

    /// Whether a client joined a room and has not left.
    func isParticipant(_ client: String, in room: String) -> Bool {
        participant(client, in: room) != nil
    }

    /// Whether one who joined now would find no seat.
    func isFull(_ room: String) -> Bool { rooms[room]?.isFull == true }

    /// Whether a room is for more than two.
    func isMesh(_ room: String) -> Bool { rooms[room]?.isMesh == true }

    /// Takes a seat; `isLoopback` gives the other seat to a pseudo client if the room is empty.
    func join(_ name: String, isLoopback: Bool = false) -> JoinResult {
        if isFull(name) {
            counters.add(.joinsFull)
            return .full
        }
        // Participants are among themselves: who only signals here may have come to listen.
        for seat in rooms[name]?.seats ?? [] where seat.standing == .visitor {
            removeSeat(seat, announces: false)
        }
        let peers = rooms[name]?.participants.map(\.client) ?? []
        let client = identifier(in: rooms[name])
        guard let seat = addSeat(client, .participant, in: name) else { return .refused }
        let room = seat.room
        counters.add(.joins)
        startTimer(seat, seconds: configuration.joinGraceSeconds)
        if isLoopback, peers.isEmpty {
            room.isLoopback = addSeat(Self.loopbackClient, .participant, in: name) != nil
        }
        // What participants said that nobody got: stored while they were alone, or since the other was lost.
        let stored = room.isMesh ? [] : room.participants
        let messages = stored.flatMap { takeMessages(of: $0) { $0 == nil } }
        let isInitiator = peers.isEmpty
        return .joined(client: client, isInitiator: isInitiator, messages: messages, peers: peers)
    }

    /// Sends a participant's message to the others, or keeps it for them or for the next.
    func message(
        _ text: String,
        to addressee: String? = nil,
        from client: String,
        in name: String
    ) -> MessageResult {
        guard let room = rooms[name], room.isPublic else { return .unknownRoom }
        guard let seat = participant(client, in: name) else { return .unknownClient }
        do throws(SignallingError) {
            try send(text, to: addressee, from: seat)
            return .success
        } catch {
            return .refused(isAlone: room.participants.count == 1)
        }
    }

    /// Ends a participation; false when there was none.
    @discardableResult
    func leave(_ client: String, from name: String) -> Bool {
        guard let seat = participant(client, in: name) else { return false }
        depart(seat)
        return true
    }

    /// Ends a participation; the seat stays for a while, as clients say bye only after they have left.
    func depart(_ seat: Seat) {
        guard seat.standing == .participant else { return }
        let room = seat.room
        room.usedAt = clock()
        seat.standing = .departed(arrivals: room.arrivals)
        counters.add(.participants, -1)
        counters.add(.leaves)
        _ = takeMessages(of: seat) { $0 == nil }
        releaseMessages(to: seat)
        if seat.socket == nil { startTimer(seat, seconds: configuration.graceSeconds) }
        endLoopback(of: room)
        let departed = room.seats.filter(\.isDeparted)
        if departed.count > room.capacity { removeSeat(departed[0]) }
    }

    // MARK: API and admin

    /// Makes a room of a valid name, or of a name of its own, that stays while nobody is in it; `capacity` is that of
    /// `rooms/capacity` unless given.
    func create(_ name: String? = nil, capacity: Int? = nil) -> CreateResult {
        let name = name ?? identifier(in: nil)
        if rooms[name] != nil { return .exists }
        let made = room(name, capacity: capacity, isReserved: true)
        return made.map { .created(RoomDocument($0)) } ?? .refused
    }

    /// Rooms by name, at most `limit` after the one given.
    func list(after last: String = "", limit: Int = 1000) -> [RoomDocument] {
        let names = rooms.filter { $1.isPublic && $0 > last }.keys.sorted().prefix(limit)
        return names.compactMap(get)
    }

    /// A room, if it was made or somebody is in it.
    func get(_ name: String) -> RoomDocument? {
        rooms[name].flatMap { $0.isPublic ? RoomDocument($0) : nil }
    }

    /// Ends a room: everybody hears a bye and loses the socket; false when there is none.
    func delete(_ name: String) -> Bool {
        guard let room = rooms[name], room.isPublic else { return false }
        for seat in room.seats {
            sayBye(of: seat, to: seat)
            removeSeat(seat, announces: false)
        }
        rooms[name] = nil
        return true
    }

    /// Ends one participation against the participant's will, who hears a bye as the others do; false when there is none.
    func kick(_ client: String, from name: String) -> Bool {
        guard let seat = participant(client, in: name) else { return false }
        sayBye(of: seat, to: seat)
        removeSeat(seat)
        return true
    }

    /// An id that is new to the room.
    private func identifier(in room: Room?) -> String {
        while true {
            let digits = (0..<Self.identifierDigits).map { _ in "\(Int.random(in: 0...9))" }
            if room?[digits.joined()] == nil { return digits.joined() }
        }
    }
}
