/// All rooms as one state machine: time and chance come in as arguments, what is to be sent comes out as a list.
///
/// It is what Collider (slots of clients, queues, timers) and AppRTC's room server (who joined) kept apart, so that one
/// truth answers both: a seat is made by joining, or by signalling alone as with a lone Collider; a participant's seat
/// and its membership end together. `RoomTable+Membership` is the room server's side, `RoomTable+Signalling` Collider's.

import NIOCore

/// The rooms, by name.
struct RoomTable {
    /// What is to be done to a socket once the table is at rest.
    enum Effect {
        case send(String, to: any SignallingSocket)
        case close(any SignallingSocket)
    }

    private struct Timer {
        let room: String, client: String
        let deadline: NIODeadline
    }

    /// Bytes of names, in UTF-8.
    static let nameLimit = 128
    /// Bytes of waiting messages in all.
    static let waitingBytesLimit = 268_435_456
    /// The other seat of a loopback room.
    static let loopbackClient = "LOOPBACK_CLIENT_ID"

    let configuration: ControlConfiguration.Rooms
    let counters: ControlCounters
    var rooms: [String: Room] = [:]
    /// What is to be done, in order; the caller takes it out.
    var effects: [Effect] = []
    private var waitingBytes = 0
    // Each holds deadlines of one duration, so that they are in order.
    private var graces = CircularBuffer<Timer>()
    private var joinGraces = CircularBuffer<Timer>()
    private var sweepAt = NIODeadline.uptimeNanoseconds(0)

    /// No rooms.
    init(_ configuration: ControlConfiguration.Rooms, counters: ControlCounters) {
        self.configuration = configuration
        self.counters = counters
    }

    /// What there is to do; the table forgets it.
    mutating func takeEffects() -> [Effect] {
        defer { effects.removeAll() }
        return effects
    }

    // MARK: Seats

    /// Makes a seat at the end of the room, and the room if there is none; false when there are too many rooms.
    mutating func addSeat(
        _ client: String,
        _ standing: Seat.Standing,
        in name: String,
        now: NIODeadline
    ) -> Bool {
        guard addRoom(name, capacity: configuration.capacity, isReserved: false, now: now) else {
            return false
        }
        rooms[name]?.usedAt = now
        let seat = Seat(client: client, standing: standing, arrival: rooms[name]?.arrivals ?? 0)
        rooms[name]?.seats.append(seat)
        rooms[name]?.arrivals += 1
        if standing == .participant { counters.add(.participants) }
        return true
    }

    /// Makes a room unless it is there; false when there are too many.
    mutating func addRoom(_ name: String, capacity: Int, isReserved: Bool, now: NIODeadline) -> Bool
    {
        if rooms[name] != nil { return true }
        if rooms.count >= configuration.maximum { return false }
        rooms[name] = Room(capacity: capacity, isReserved: isReserved, usedAt: now)
        counters[.rooms] = rooms.count
        return true
    }

    /// Takes a seat away with its queue, closes its socket, and tells those it leaves behind.
    ///
    /// They hear a `bye` unless the client said so itself: only then does a web client offer anew, and only such an offer
    /// lets the next one who joins connect. Should somebody have come since the client left, nobody is told anything,
    /// as a call may be on; in larger rooms the frame says whom it is from.
    mutating func removeSeat(_ client: String, in name: String, announces: Bool = true) {
        guard let room = rooms[name], let index = room.index(of: client) else { return }
        let seat = room.seats[index]
        rooms[name]?.seats.remove(at: index)
        waitingBytes -= seat.undelivered.bytes
        releaseMessages(to: client, in: name)
        if seat.standing == .participant { counters.add(.participants, -1) }
        if let socket = seat.socket {
            counters.add(.registered, -1)
            effects.append(.close(socket))
        }
        if announces, seat.standing != .visitor, !seat.saidBye { announceEnd(of: seat, in: name) }
        if seat.standing == .participant, room.isLoopback {
            rooms[name]?.isLoopback = false
            removeSeat(Self.loopbackClient, in: name, announces: false)
        }
        removeRoomIfUnused(name)
    }

    private mutating func announceEnd(of seat: Seat, in name: String) {
        guard let room = rooms[name] else { return }
        let others = room.participants
        let heard = others.filter(seat.mayReach)
        guard room.isMesh || heard.count == others.count else { return }
        let frame = SignallingFrame.message(
            #"{"type":"bye"}"#,
            from: room.isMesh ? seat.client : nil
        )
        for socket in heard.compactMap(\.socket) { effects.append(.send(frame, to: socket)) }
    }

    /// What waited for a client that will not come back is for the next, who takes its place; in a larger room nobody does.
    mutating func releaseMessages(to client: String, in name: String) {
        guard let room = rooms[name] else { return }
        for index in room.seats.indices {
            if room.isMesh {
                _ = takeMessages(of: index, in: name) { $0.addressee == client }
            } else {
                rooms[name]?.seats[index].undelivered.release(from: client)
            }
        }
    }

    /// Forgets a room without seats that nobody reserved.
    mutating func removeRoomIfUnused(_ name: String) {
        guard let room = rooms[name], room.seats.isEmpty, !room.isReserved else { return }
        rooms[name] = nil
        counters[.rooms] = rooms.count
    }

    // MARK: Queues

    /// Keeps a message until its addressee, or whoever comes next, registers.
    mutating func enqueue(
        _ text: String,
        from sender: Int,
        to addressee: String?,
        in name: String
    ) throws(SignallingError) {
        let size = text.utf8.count
        let entry = MessageQueue.Entry(text: text, addressee: addressee)
        guard waitingBytes + size <= Self.waitingBytesLimit,
            rooms[name]?.seats[sender].undelivered.append(entry) == true
        else {
            counters.add(.messagesRefused)
            throw .queueIsFull
        }
        waitingBytes += size
        counters.add(.messagesQueued)
    }

    /// Takes messages out of a seat's queue.
    mutating func takeMessages(
        of index: Int,
        in name: String,
        where fits: (MessageQueue.Entry) -> Bool
    ) -> [String] {
        let taken = rooms[name]?.seats[index].undelivered.take(where: fits) ?? []
        waitingBytes -= taken.reduce(0) { $0 + $1.utf8.count }
        return taken
    }

    // MARK: Time

    /// Gives a seat without a socket so long to get one.
    mutating func startTimer(
        _ index: Int,
        in name: String,
        isJoining: Bool = false,
        now: NIODeadline
    ) {
        guard let seat = rooms[name]?.seats[index] else { return }
        let seconds = isJoining ? configuration.joinGraceSeconds : configuration.graceSeconds
        let deadline = now + .seconds(Int64(seconds))
        rooms[name]?.seats[index].deadline = deadline
        let timer = Timer(room: name, client: seat.client, deadline: deadline)
        if isJoining { joinGraces.append(timer) } else { graces.append(timer) }
    }

    /// Frees the seats whose time is over, and forgets reserved rooms that nobody uses.
    mutating func expire(now: NIODeadline) {
        while let timer = graces.first, timer.deadline <= now {
            graces.removeFirst()
            end(timer)
        }
        while let timer = joinGraces.first, timer.deadline <= now {
            joinGraces.removeFirst()
            end(timer)
        }
        if sweepAt <= now { sweep(now) }
    }

    private mutating func end(_ timer: Timer) {
        guard let room = rooms[timer.room], let index = room.index(of: timer.client),
            room.seats[index].deadline == timer.deadline
        else { return }
        if room.seats[index].standing == .participant { counters.add(.seatsFreed) }
        removeSeat(timer.client, in: timer.room)
    }

    private mutating func sweep(_ now: NIODeadline) {
        let ttl = TimeAmount.seconds(Int64(configuration.ttlSeconds))
        sweepAt = now + .seconds(Int64(min(60, max(1, configuration.ttlSeconds / 10))))
        let unused = rooms.filter { $1.isReserved && $1.seats.isEmpty && $1.usedAt + ttl <= now }
        for name in unused.keys { rooms[name] = nil }
        counters[.rooms] = rooms.count
    }
}
