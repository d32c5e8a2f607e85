/// Rooms as the rest of the control plane sees them: sockets and routes in front of the one table.
///
/// How it differs from Collider and AppRTC's room server, whose protocol it speaks:
/// - A participant's seat and its socket's seat are one. It is free again when the client leaves or says bye, on DELETE,
///   `graceSeconds` after its socket was lost, or `joinGraceSeconds` after joining without one. Whoever stays becomes
///   the initiator, and what it said meanwhile is in the next participant's `messages`.
/// - Who stays hears a `bye` on behalf of one who went without it, but only when the seat is freed for good.
/// - In a room with participants only they may signal, and wherever tokens are required.
/// - In rooms of more than two (made through the API, or by `rooms/capacity`), `{"cmd":"send","msg":"…","to":"<client>"}`
///   reaches one participant and without `to` all others; frames to clients name the sender:
///   `{"msg":"…","error":"","from":"<client>"}`. Joining tells who is there (`peers`); the newcomer makes the offers.

import NIOCore

/// All rooms and the sockets of their clients; lives on the event loop.
final class Lobby {
    private enum Session {
        case anonymous
        case registered(room: String, client: String)
    }

    /// What came of a participant's message.
    enum MessageResult: Equatable {
        case success, unknownRoom, unknownClient
        /// Its queue is full; `isAlone` when it waited for the next participant.
        case refused(isAlone: Bool)
    }

    private var table: RoomTable
    private let counters: ControlCounters
    private var sessions: [ObjectIdentifier: Session] = [:]
    private var generator = SystemRandomNumberGenerator()

    /// A lobby without rooms.
    init(_ configuration: ControlConfiguration.Rooms, counters: ControlCounters) {
        table = RoomTable(configuration, counters: counters)
        self.counters = counters
    }

    /// Whether a text may name a room or a participant: 1 to 128 of `[A-Za-z0-9_-]`.
    static func isName(_ text: String) -> Bool {
        (1...RoomTable.nameLimit).contains(text.utf8.count)
            && text.utf8.allSatisfy { $0.isLetterOrDigit || "-_".utf8.contains($0) }
    }

    // MARK: Sockets

    /// A socket opened.
    func connected(_ socket: any SignallingSocket) {
        sessions[ObjectIdentifier(socket)] = .anonymous
    }

    /// A socket's client said something.
    func received(_ text: String, from socket: any SignallingSocket, now: NIODeadline) {
        guard let session = sessions[ObjectIdentifier(socket)] else { return }
        do throws(SignallingError) {
            try obey(try SignallingCommand(text), session, socket, now)
        } catch {
            counters.add(.webSocketErrors)
            table.effects.append(.send(SignallingFrame.error(error), to: socket))
            if !error.isForgiven {
                end(socket, now)
                table.effects.append(.close(socket))
            }
        }
        act()
    }

    /// A socket ended, whoever ended it.
    func closed(_ socket: any SignallingSocket, now: NIODeadline) {
        end(socket, now)
        act()
    }

    private func obey(
        _ command: SignallingCommand,
        _ session: Session,
        _ socket: any SignallingSocket,
        _ now: NIODeadline
    ) throws(SignallingError) {
        switch (command, session) {
        case (.register, .registered): throw .duplicateRegisterRequest
        case (.register(let room, let client), .anonymous):
            if room.isEmpty || client.isEmpty { throw .missingIdentifier }
            let client = Self.canonical(client)
            try table.register(client, in: room, with: socket, now: now)
            sessions[ObjectIdentifier(socket)] = .registered(room: room, client: client)
        case (.send, .anonymous): throw .notRegistered
        case (.send("", _), .registered): throw .missingMessage
        case (.send(let text, let addressee), .registered(let room, let client)):
            // Who sends is not told when it fails.
            try? table.signal(text, to: addressee, from: client, in: room, now: now)
        }
    }

    private func end(_ socket: any SignallingSocket, _ now: NIODeadline) {
        if case .registered(let room, let client)? = sessions[ObjectIdentifier(socket)] {
            table.disconnect(client, in: room, from: socket, now: now)
        }
        sessions[ObjectIdentifier(socket)] = nil
    }

    // MARK: Participants

    /// Takes a seat; `isLoopback` gives the other seat to a pseudo client if the room is empty.
    func join(_ room: String, isLoopback: Bool = false, now: NIODeadline) -> JoinResult {
        defer { act() }
        return table.join(room, isLoopback: isLoopback, now: now, using: &generator)
    }

    /// Sends a participant's message to the others, or keeps it for them or for the next.
    func message(
        _ text: String,
        to addressee: String? = nil,
        from client: String,
        in room: String
    ) -> MessageResult {
        guard let found = table.rooms[room], found.isPublic else { return .unknownRoom }
        guard isParticipant(client, in: room) else { return .unknownClient }
        defer { act() }
        do throws(SignallingError) {
            try table.send(text, to: addressee, from: client, in: room)
            return .success
        } catch {
            return .refused(isAlone: found.participants.count == 1)
        }
    }

    /// Ends a participation; false when there was none.
    @discardableResult
    func leave(_ client: String, from room: String, now: NIODeadline) -> Bool {
        defer { act() }
        return table.leave(client, from: room, now: now)
    }

    /// Whether a client joined a room and has not left.
    func isParticipant(_ client: String, in room: String) -> Bool {
        guard let found = table.rooms[room], let index = found.index(of: client) else {
            return false
        }
        return found.seats[index].standing == .participant
    }

    /// Whether one who joined now would find no seat.
    func isFull(_ room: String) -> Bool { table.rooms[room]?.isFull == true }

    /// Whether a room is for more than two.
    func isMesh(_ room: String) -> Bool { table.rooms[room]?.isMesh == true }

    // MARK: Signalling by HTTP

    /// Sends a message as Collider's POST does; throws why it was refused.
    func post(
        _ text: String,
        from client: String,
        in room: String,
        now: NIODeadline
    ) throws(SignallingError) {
        defer { act() }
        try table.post(text, from: Self.canonical(client), in: room, now: now)
    }

    /// Frees a client's seat at once, as Collider's DELETE does, whether or not there is one.
    func remove(_ client: String, from room: String, now: NIODeadline) {
        table.removeSeat(Self.canonical(client), in: room)
        act()
    }

    // MARK: API and admin

    /// Makes a room of a valid name, or of a name of its own; `capacity` is that of `rooms/capacity` unless given.
    func create(_ name: String? = nil, capacity: Int? = nil, now: NIODeadline) -> CreateResult {
        let name = name ?? table.identifier(in: "", using: &generator)
        let capacity = capacity ?? table.configuration.capacity
        return table.create(name, capacity: capacity, now: now)
    }

    /// Rooms by name, at most `limit` after the one given.
    func list(after last: String = "", limit: Int = 1000) -> [RoomDescription] {
        let names = table.rooms.filter { $1.isPublic && $0 > last }.keys.sorted().prefix(limit)
        return names.compactMap(get)
    }

    /// A room, if it was made or somebody is in it.
    func get(_ name: String) -> RoomDescription? {
        guard let room = table.rooms[name], room.isPublic else { return nil }
        return RoomDescription(name, room)
    }

    /// Ends a room for all in it; false when there is none.
    func delete(_ name: String) -> Bool {
        defer { act() }
        return table.delete(name)
    }

    /// Ends one participation against the participant's will; false when there is none.
    func kick(_ client: String, from room: String) -> Bool {
        guard isParticipant(client, in: room) else { return false }
        table.dismiss(client, from: room)
        act()
        return true
    }

    // MARK: Time

    /// Frees seats and forgets rooms whose time is over; to be called some times a second.
    func expire(now: NIODeadline) {
        table.expire(now: now)
        act()
    }

    /// Does to sockets what the table left to be done; nothing of it is done while the table is being changed.
    private func act() {
        for effect in table.takeEffects() {
            switch effect {
            case .send(let text, let socket): socket.send(text)
            case .close(let socket):
                sessions[ObjectIdentifier(socket)] = nil
                socket.close()
            }
        }
    }

    /// Web and iOS spell the pseudo client differently; it is one seat.
    private static func canonical(_ client: String) -> String {
        client.lowercased() == "loopback_client_id" ? RoomTable.loopbackClient : client
    }
}
