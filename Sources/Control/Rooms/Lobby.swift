/// Rooms, the sockets of those in them, and the messages that wait: one truth for sockets, AppRTC's routes and the API.
///
/// How it differs from Collider (slots of clients, queues, timers) and AppRTC's room server (who joined), whose protocol
/// it speaks; `Lobby+Membership` is the room server's side, `Lobby+Signalling` Collider's:
/// - A participant's seat and its socket's seat are one. It is free again when the client leaves or says bye, on DELETE,
///   `graceSeconds` after its socket was lost, or `joinGraceSeconds` after joining without one. Whoever stays becomes
///   the initiator, and what it said meanwhile is in the next participant's `messages`.
/// - Who stays hears a `bye` on behalf of one who went without it, but only when the seat is freed for good.
/// - In a room with participants only they may signal, and wherever tokens are required.
/// - In rooms of more than two (made through the API, or by `rooms/capacity`), `{"cmd":"send","msg":"…","to":"<client>"}`
///   reaches one participant and without `to` all others; frames to clients name the sender:
///   `{"msg":"…","error":"","from":"<client>"}`. Joining tells who is there (`peers`); the newcomer makes the offers.

import NIOCore
import Tokens

/// All rooms and the sockets of their clients; lives on the event loop.
final class Lobby: SocketListener {
    /// Bytes of waiting messages in all.
    private static let waitingBytesLimit = 268_435_456

    let configuration: ControlConfiguration.Rooms
    let counters: ControlCounters
    /// Tells the time; tests turn it.
    var clock: () -> NIODeadline = NIODeadline.now
    var rooms: [String: Room] = [:] { didSet { counters[.rooms] = rooms.count } }
    /// The seats of sockets that are registered.
    var registered: [ObjectIdentifier: Seat] = [:] {
        didSet { counters[.registered] = registered.count }
    }
    /// Seats without a socket, and when they are freed.
    var timers: [ObjectIdentifier: (seat: Seat, deadline: NIODeadline)] = [:]
    private var waitingBytes = 0
    private var sweepAt = NIODeadline.uptimeNanoseconds(0)

    /// A lobby without rooms.
    init(_ configuration: ControlConfiguration.Rooms, counters: ControlCounters) {
        self.configuration = configuration
        self.counters = counters
    }

    /// Whether a text may name a room or a participant: 1 to 128 of `[A-Za-z0-9_-]`.
    static func isName(_ text: String) -> Bool { RoomTokens.isRoom(text) }

    // MARK: Seats

    /// A room, made unless it is there; nil when there are too many.
    func room(_ name: String, capacity: Int? = nil, isReserved: Bool = false) -> Room? {
        if let room = rooms[name] { return room }
        if rooms.count >= configuration.maximum { return nil }
        let capacity = capacity ?? configuration.capacity
        let room = Room(name, capacity: capacity, isReserved: isReserved, usedAt: clock())
        rooms[name] = room
        return room
    }

    /// Makes a seat at the end of a room.
    func addSeat(_ client: String, _ standing: Seat.Standing, in room: Room) -> Seat {
        room.usedAt = clock()
        if standing == .participant { counters.add(.participants) }
        return Seat(client, standing, in: room)
    }

    /// Takes a seat away with its queue, closes its socket, and tells those it leaves behind.
    ///
    /// They hear a `bye` unless the client said so itself: only then does a web client offer anew, and only such an offer
    /// lets the next one who joins connect. Should somebody have come since the client left, nobody is told anything,
    /// as a call may be on; in larger rooms the frame says whom it is from.
    func removeSeat(_ seat: Seat, announces: Bool = true) {
        let room = seat.room
        guard let index = room.seats.firstIndex(where: { $0 === seat }) else { return }
        room.seats.remove(at: index)
        timers[ObjectIdentifier(seat)] = nil
        _ = takeMessages(of: seat) { _ in true }
        releaseMessages(to: seat)
        if let socket = seat.socket {
            registered[ObjectIdentifier(socket)] = nil
            seat.socket = nil
            socket.close()
        }
        if announces, seat.standing != .visitor, !seat.saidBye { announceEnd(of: seat) }
        if seat.standing == .participant {
            counters.add(.participants, -1)
            endLoopback(of: room)
        }
        if room.seats.isEmpty, !room.isReserved { rooms[room.name] = nil }
    }

    /// Frees the pseudo client's seat.
    func endLoopback(of room: Room) {
        if let seat = room.loopback { removeSeat(seat, announces: false) }
    }

    private func announceEnd(of seat: Seat) {
        let others = seat.room.participants
        let heard = others.filter(seat.mayReach)
        guard seat.room.isMesh || heard.count == others.count else { return }
        for other in heard { sayBye(of: seat, to: other) }
    }

    /// Sends a bye on behalf of one who does not say it.
    func sayBye(of seat: Seat, to other: Seat) {
        other.socket?.send(seat.frame(#"{"type":"bye"}"#))
    }

    // MARK: Queues

    /// What waited for a client that will not come back is for the next, who takes its place; in a larger room nobody does.
    func releaseMessages(to seat: Seat) {
        for sender in seat.room.seats {
            if seat.room.isMesh {
                _ = takeMessages(of: sender) { $0 == seat.client }
            } else {
                sender.undelivered.release(from: seat.client)
            }
        }
    }

    /// Keeps a message until its addressee, or whoever comes next, registers.
    func enqueue(_ text: String, from seat: Seat, to addressee: String?) throws(SignallingError) {
        let size = text.utf8.count
        guard waitingBytes + size <= Self.waitingBytesLimit,
            seat.undelivered.append(text, to: addressee)
        else {
            counters.add(.messagesRefused)
            throw .queueIsFull
        }
        waitingBytes += size
        counters.add(.messagesQueued)
    }

    /// Takes out of a seat's queue what is for the addressees that fit.
    func takeMessages(of seat: Seat, where fits: (_ addressee: String?) -> Bool) -> [String] {
        let taken = seat.undelivered.take(where: fits)
        waitingBytes -= taken.reduce(0) { $0 + $1.utf8.count }
        return taken
    }

    // MARK: Time

    /// Gives a seat without a socket so long to get one.
    func startTimer(_ seat: Seat, seconds: Int) {
        timers[ObjectIdentifier(seat)] = (seat, clock() + .seconds(Int64(seconds)))
    }

    /// Frees the seats whose time is over, and forgets reserved rooms that nobody uses; to be called some times a second.
    func expire() {
        let now = clock()
        // One that is freed may free another, whose time was over too.
        for (name, timer) in timers where timer.deadline <= now && timers[name] != nil {
            if timer.seat.standing == .participant { counters.add(.seatsFreed) }
            removeSeat(timer.seat)
        }
        if now < sweepAt { return }
        sweepAt = now + .seconds(1)
        let unusedSince = now - .seconds(Int64(configuration.ttlSeconds))
        for (name, room) in rooms
        where room.isReserved && room.seats.isEmpty && room.usedAt <= unusedSince {
            rooms[name] = nil
        }
    }
}
