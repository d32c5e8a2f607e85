/// The room server's side of the rooms: joining, leaving, and rooms made ahead.

import NIOCore

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
    case created(RoomDescription)
    /// There is one of this name, or the clients of one.
    case exists
    /// There are too many rooms.
    case refused
}

extension RoomTable {
    /// Digits of a participant's id: 66 bits.
    private static let identifierDigits = 20

    /// Takes a seat for a new participant.
    mutating func join(
        _ name: String,
        isLoopback: Bool,
        now: NIODeadline,
        using generator: inout some RandomNumberGenerator
    ) -> JoinResult {
        if rooms[name]?.isFull == true {
            counters.add(.joinsFull)
            return .full
        }
        // Participants are among themselves: who only signals here may have come to listen.
        for seat in rooms[name]?.seats ?? [] where seat.standing == .visitor {
            removeSeat(seat.client, in: name, announces: false)
        }
        let peers = rooms[name]?.participants.map(\.client) ?? []
        let client = identifier(in: name, using: &generator)
        guard addSeat(client, .participant, in: name, now: now), let room = rooms[name] else {
            return .refused
        }
        counters.add(.joins)
        startTimer(room.seats.count - 1, in: name, isJoining: true, now: now)
        if isLoopback, peers.isEmpty {
            _ = addSeat(Self.loopbackClient, .participant, in: name, now: now)
            rooms[name]?.isLoopback = true
        }
        return .joined(
            client: client,
            isInitiator: peers.isEmpty,
            messages: room.isMesh ? [] : takeStoredMessages(in: name),
            peers: peers
        )
    }

    /// Ends a participation; the seat stays for a while, as clients say bye only after they have left.
    ///
    /// - Returns: Whether there was such a participant.
    @discardableResult
    mutating func leave(_ client: String, from name: String, now: NIODeadline) -> Bool {
        guard let room = rooms[name], let index = room.index(of: client),
            room.seats[index].standing == .participant
        else { return false }
        rooms[name]?.usedAt = now
        rooms[name]?.seats[index].standing = .departed(arrivals: room.arrivals)
        counters.add(.participants, -1)
        counters.add(.leaves)
        _ = takeMessages(of: index, in: name) { $0.addressee == nil }
        releaseMessages(to: client, in: name)
        if room.seats[index].socket == nil { startTimer(index, in: name, now: now) }
        if room.isLoopback {
            rooms[name]?.isLoopback = false
            removeSeat(Self.loopbackClient, in: name, announces: false)
        }
        let departed = rooms[name]?.seats.filter(\.isDeparted) ?? []
        if departed.count > room.capacity { removeSeat(departed[0].client, in: name) }
        return true
    }

    /// Makes a room that stays while nobody is in it.
    mutating func create(_ name: String, capacity: Int, now: NIODeadline) -> CreateResult {
        if rooms[name] != nil { return .exists }
        guard addRoom(name, capacity: capacity, isReserved: true, now: now),
            let room = rooms[name]
        else { return .refused }
        return .created(RoomDescription(name, room))
    }

    /// Ends a room: everybody hears a bye and loses the socket.
    mutating func delete(_ name: String) -> Bool {
        guard let room = rooms[name], room.isPublic else { return false }
        for seat in room.seats { dismiss(seat.client, from: name, announces: false) }
        rooms[name] = nil
        counters[.rooms] = rooms.count
        return true
    }

    /// Takes a seat from its client, who hears a bye as the others do.
    mutating func dismiss(_ client: String, from name: String, announces: Bool = true) {
        guard let room = rooms[name], let index = room.index(of: client) else { return }
        if let socket = room.seats[index].socket {
            let sender = room.isMesh ? client : nil
            effects.append(
                .send(SignallingFrame.message(#"{"type":"bye"}"#, from: sender), to: socket)
            )
        }
        removeSeat(client, in: name, announces: announces)
    }

    /// An id that is new to the room.
    func identifier(
        in name: String,
        using generator: inout some RandomNumberGenerator
    ) -> String {
        while true {
            let digits = (0..<Self.identifierDigits).map { _ in
                UInt8.random(in: UInt8(ascii: "0")...UInt8(ascii: "9"), using: &generator)
            }
            let client = String(decoding: digits, as: UTF8.self)
            if rooms[name]?.index(of: client) == nil { return client }
        }
    }

    /// What participants said that nobody got: stored while they were alone, or since the other was lost.
    private mutating func takeStoredMessages(in name: String) -> [String] {
        let seats = rooms[name]?.seats ?? []
        var messages: [String] = []
        for (index, seat) in seats.enumerated() where seat.standing == .participant {
            messages += takeMessages(of: index, in: name) { $0.addressee == nil }
        }
        return messages
    }
}
