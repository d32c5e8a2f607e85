/// The room server's side of the rooms: joining, leaving, and rooms made ahead.

/// What one who has joined is told.
struct Participation {
    /// The participant's id: unguessable, as whoever knows it may speak for it.
    let client: String
    let isInitiator: Bool
    /// What the other said so far; empty in rooms of more than two, where sockets bring it.
    let messages: [String]
    /// Who is there already, in the order they came; nil in rooms of two, where nobody needs the other's id.
    let peers: [String]?
}

extension Lobby {
    /// The seat of one who joined a room and has not left.
    func participant(_ client: String, in name: String) -> Seat? {
        rooms[name]?.participants.first { $0.client == client }
    }

    /// Whether one who joined now would find no seat.
    func isFull(_ room: String) -> Bool { rooms[room]?.isFull == true }

    /// Takes a seat; `isLoopback` gives the other seat to a pseudo client if the room is empty.
    ///
    /// Nil when the room is full, or there are too many rooms.
    func join(_ name: String, isLoopback: Bool = false) -> Participation? {
        if isFull(name) {
            counters.add(.joinsFull)
            return nil
        }
        // Participants are among themselves: who only signals here may have come to listen.
        for seat in rooms[name]?.seats ?? [] where seat.standing == .visitor {
            removeSeat(seat, announces: false)
        }
        guard let room = room(name) else { return nil }
        let peers = room.participants
        let seat = addSeat(identifier(), .participant, in: room)
        counters.add(.joins)
        startTimer(seat, seconds: configuration.joinGraceSeconds)
        if isLoopback, peers.isEmpty { _ = addSeat(Seat.loopbackClient, .participant, in: room) }
        // What participants said that nobody got: stored while they were alone, or since the other was lost.
        let messages = room.isMesh ? [] : peers.flatMap { takeMessages(of: $0) { $0 == nil } }
        return Participation(
            client: seat.client,
            isInitiator: peers.isEmpty,
            messages: messages,
            peers: room.isMesh ? peers.map(\.client) : nil
        )
    }

    /// Ends a participation; the seat stays for a while, as clients say bye only after they have left.
    func depart(_ seat: Seat) {
        guard seat.standing == .participant else { return }
        let room = seat.room
        room.usedAt = clock()
        seat.depart()
        counters.add(.participants, -1)
        counters.add(.leaves)
        _ = takeMessages(of: seat) { $0 == nil }
        releaseMessages(to: seat)
        if seat.socket == nil { startTimer(seat, seconds: configuration.graceSeconds) }
        endLoopback(of: room)
        let departed = room.seats.filter { $0.standing == .departed }
        if departed.count > room.capacity { removeSeat(departed[0]) }
    }

    // MARK: API and admin

    /// Makes a room of a valid name, or of a name of its own, that stays while nobody is in it.
    ///
    /// Its capacity is that of `rooms/capacity` unless given. Nil when there is a room of this name, or the clients of
    /// one, or there are too many.
    func create(_ name: String? = nil, capacity: Int? = nil) -> Room? {
        let name = name ?? identifier()
        return rooms[name] == nil ? room(name, capacity: capacity, isReserved: true) : nil
    }

    /// Rooms by name, at most `limit` after the one given.
    func list(after last: String = "", limit: Int = 1000) -> [Room] {
        let names = rooms.filter { $1.isPublic && $0 > last }.keys.sorted().prefix(limit)
        return names.compactMap { rooms[$0] }
    }

    /// A room, if it was made or somebody is in it.
    func get(_ name: String) -> Room? {
        rooms[name].flatMap { $0.isPublic ? $0 : nil }
    }

    /// Ends a room: everybody hears a bye and loses the socket.
    func delete(_ room: Room) {
        for seat in room.seats { kick(seat, announces: false) }
        rooms[room.name] = nil
    }

    /// Ends a participation against the participant's will, who hears a bye as the others do.
    func kick(_ seat: Seat, announces: Bool = true) {
        sayBye(of: seat, to: seat)
        removeSeat(seat, announces: announces)
    }

    /// A new id or name, of 66 bits: none comes twice.
    private func identifier() -> String {
        (0..<20).map { _ in "\(Int.random(in: 0...9))" }.joined()
    }
}
