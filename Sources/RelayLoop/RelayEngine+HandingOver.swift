/// Allocations that follow their clients from thread to thread (RFC 8016).
///
/// `SO_REUSEPORT` may bring a client's new 5-tuple to another thread than its allocation's. Until the client sends
/// data from there, its requests are passed on to the owner of the allocation, which answers through this thread:
/// the old path stays as it is. With the first data the owner sends the allocation and its socket over; what its own
/// receive still takes from that socket follows.

public import STUN
public import TURN

/// The relayed sockets of a thread, some of which go to other threads and come from them.
public protocol HandoverSockets: RelayOpener, ~Copyable {
    /// Another descriptor of an open socket; nil when the system has none.
    func duplicate(_ relay: RelayIndex) -> Int32?

    /// Closes this thread's descriptor of a socket that another thread has now, with port and quota.
    mutating func letGo(_ relay: RelayIndex)

    /// Takes over the socket of an allocation that came from another thread; nil when there is no index for it.
    mutating func adopt(_ socket: BoundSocket, _ family: AddressFamily) -> RelayIndex?

    /// Closes a descriptor of a socket that stays open elsewhere.
    func close(duplicate descriptor: Int32)

    /// Closes a socket that nobody has, and gives its port back.
    func discard(_ socket: BoundSocket, _ family: AddressFamily, at now: Now)

    /// Gives an allocation's share of the quota back.
    func releaseQuota(userTag: UInt64)
}

extension RelayEngine {
    /// Says which thread this is, and of how many, before the first pass.
    public mutating func take(place number: Int, of count: Int, mayMove: Bool) {
        threadNumber = number
        threadCount = count
        server.asksElsewhere = mayMove && count > 1
    }

    /// Sends the messages of this pass that are for other threads.
    public mutating func sendHandovers(through post: some HandoverCarrier) {
        if !parcels.isEmpty { sendParcels(through: post) }
        if strays.isEmpty { return }
        for stray in strays {
            ask(stray.bytes, from: stray.fiveTuple, thread: stray.thread, through: post)
        }
        strays.removeAll(keepingCapacity: true)
    }

    /// Sends a message of a client of this thread to the thread that has its allocation, or to all others in turn.
    private mutating func ask(
        _ bytes: [UInt8],
        from client: FiveTuple,
        thread: UInt16?,
        through post: some HandoverCarrier
    ) {
        let message = Handover.message(
            bytes,
            from: client,
            origin: threadNumber,
            hopsLeft: thread == nil ? post.threads - 2 : nil
        )
        // Where it went from here comes first: who has it from here knows nothing newer than this thread does.
        let first = thread ?? server.departure(of: bytes.span.rawBytes)
        let receiver = first.map { Int($0) } ?? (threadNumber + 1) % post.threads
        send(message, to: receiver, through: post)
    }

    /// Sends what follows clients to other threads; where there is no room, it waits for another pass.
    private mutating func sendParcels(through post: some HandoverCarrier) {
        for thread in 0..<post.threads {
            let words = parcels.filter { $0.thread == thread }.map(\.handover)
            if words.isEmpty || !post.send(.several(words), from: threadNumber, to: thread) {
                continue
            }
            parcels.removeAll { $0.thread == thread }
        }
    }

    /// Does what a word of another thread says.
    public mutating func receive<Sockets: HandoverSockets & ~Copyable>(
        _ handover: Handover,
        through post: some HandoverCarrier,
        at now: Now,
        sockets: inout Sockets
    ) {
        // What comes from another thread is no precedent for what comes from a socket.
        defer { forgetPrecedent() }
        switch handover {
        case .message(let bytes, let client, let origin, let hopsLeft):
            let message = PassedMessage(
                bytes: bytes,
                client: client,
                origin: origin,
                hopsLeft: hopsLeft
            )
            receive(message, through: post, at: now, sockets: &sockets)
        case .answer(let bytes, let client, let owner):
            answerStray(bytes, to: client, owner: owner)
        case .returned(let bytes, let client, let isFinal):
            server.promise(client, thread: nil)
            let outcome = receiveStray(
                bytes,
                from: client,
                mayPassOn: !isFinal,
                at: now,
                opener: &sockets
            )
            switch outcome {
            case .answer(let answer): answerStray(answer, to: client, owner: nil)
            case .passOn: ask(bytes, from: client, thread: nil, through: post)
            }
        case .allocation(let moved, let client, let ipv4, let ipv6):
            install(moved, client: client, ipv4: ipv4, ipv6: ipv6, at: now, sockets: &sockets)
        case .delivery(let bytes, let client):
            deliver(bytes, to: client)
        case .train(let train):
            receive(train, at: now)
        case .several(let words):
            for word in words { receive(word, through: post, at: now, sockets: &sockets) }
        }
    }

    private mutating func receive<Sockets: HandoverSockets & ~Copyable>(
        _ message: PassedMessage,
        through post: some HandoverCarrier,
        at now: Now,
        sockets: inout Sockets
    ) {
        // The allocation has left for where the message came from: it is there by the time this is. Or its client went
        // back, and comes again with a ticket.
        let client = message.client
        let foreign = client.foreign(of: message.origin)
        if message.hopsLeft == nil, !server.hasAllocation(foreign) {
            let returned = Handover.returned(message.bytes, from: client, isFinal: false)
            return send(returned, to: message.origin, through: post)
        }
        let outcome = receiveStray(
            message.bytes,
            from: foreign,
            mayPassOn: message.hopsLeft != nil,
            at: now,
            opener: &sockets
        )
        switch outcome {
        case .passOn(let thread): passFurther(message, to: thread, through: post)
        case .answer(let answer):
            // The allocation goes ahead of the answer, so that what the client says to that finds it there.
            let isHandedOver = handOver(
                client,
                to: message.origin,
                through: post,
                at: now,
                sockets: &sockets
            )
            let isHere = server.hasAllocation(foreign)
            if answer.isEmpty && isHandedOver { return }
            let owner = isHere ? UInt16(truncatingIfNeeded: threadNumber) : nil
            send(.answer(answer, to: client, owner: owner), to: message.origin, through: post)
        }
    }

    /// Asks the thread to which the allocation went from here, or else the next.
    ///
    /// Where it went it is by then: it is ahead in the same mailbox. Each such way leads on in time, and so to an end. What
    /// leads to its origin, or was with all others, is returned.
    private mutating func passFurther(
        _ message: PassedMessage,
        to departure: UInt16?,
        through post: some HandoverCarrier
    ) {
        var hopsLeft = message.hopsLeft ?? 0
        var next = (threadNumber + 1) % post.threads
        var isOver = hopsLeft == 0
        if let departure {
            next = Int(departure)
            isOver = next == message.origin
        } else {
            if next == message.origin { next = (next + 1) % post.threads }
            hopsLeft -= 1
        }
        if isOver {
            let returned = Handover.returned(
                message.bytes,
                from: message.client,
                isFinal: true
            )
            return send(returned, to: message.origin, through: post)
        }
        let further = Handover.message(
            message.bytes,
            from: message.client,
            origin: message.origin,
            hopsLeft: hopsLeft
        )
        send(further, to: next, through: post)
    }

    /// Sends the allocation of a client that has moved for good to the thread where it is.
    ///
    /// What stands in the way (no descriptor, no room in the mailbox) leaves it here until the next message.
    private mutating func handOver<Sockets: HandoverSockets & ~Copyable>(
        _ client: FiveTuple,
        to thread: Int,
        through post: some HandoverCarrier,
        at now: Now,
        sockets: inout Sockets
    ) -> Bool {
        let foreign = client.foreign(of: thread)
        guard let moved = server.movedAllocation(of: foreign, at: now) else { return false }
        let ipv4 = moved.relay(.ipv4).map { sockets.duplicate($0.index) }
        let ipv6 = moved.relay(.ipv6).map { sockets.duplicate($0.index) }
        // An optional of an optional: nil where there is no socket, or no descriptor for it.
        let isComplete = ipv4 != .some(nil) && ipv6 != .some(nil)
        let handover = Handover.allocation(
            moved,
            client: client,
            ipv4: ipv4.flatMap { $0 },
            ipv6: ipv6.flatMap { $0 }
        )
        guard isComplete, sent(handover, to: thread, through: post) else {
            for case let descriptor?? in [ipv4, ipv6] { sockets.close(duplicate: descriptor) }
            return false
        }
        server.giveAway(foreign, to: UInt16(truncatingIfNeeded: thread))
        for family in AddressFamily.both {
            guard let relay = moved.relay(family) else { continue }
            sockets.letGo(relay.index)
            bequeath(relay.index, to: Heir(thread: thread, client: client, family: family))
        }
        return true
    }

    private mutating func install<Sockets: HandoverSockets & ~Copyable>(
        _ moved: MovedAllocation,
        client: FiveTuple,
        ipv4: Int32?,
        ipv6: Int32?,
        at now: Now,
        sockets: inout Sockets
    ) {
        let first = Self.adopt(ipv4, of: moved, .ipv4, at: now, sockets: &sockets)
        let second = Self.adopt(ipv6, of: moved, .ipv6, at: now, sockets: &sockets)
        let isComplete = (first != nil) == (ipv4 != nil) && (second != nil) == (ipv6 != nil)
        if isComplete, install(moved, client: client, ipv4: first, ipv6: second, at: now) {
            return
        }
        // The end of the allocation: what was adopted is closed, and the quota given back once.
        statistics.dropsHandover &+= 1
        for relay in [first, second] {
            guard let relay else { continue }
            sockets.close(relay, userTag: moved.userTag, isLast: false, at: now)
        }
        sockets.releaseQuota(userTag: moved.userTag)
    }

    /// Makes a socket of another thread one of this thread's; closes it when there is no room.
    private static func adopt<Sockets: HandoverSockets & ~Copyable>(
        _ descriptor: Int32?,
        of moved: MovedAllocation,
        _ family: AddressFamily,
        at now: Now,
        sockets: inout Sockets
    ) -> RelayIndex? {
        guard let descriptor, let relay = moved.relay(family) else { return nil }
        let socket = BoundSocket(
            descriptor: descriptor,
            port: relay.port,
            address: relay.address
        )
        if let adopted = sockets.adopt(socket, family) { return adopted }
        sockets.discard(socket, family, at: now)
        return nil
    }

    private mutating func send(
        _ handover: Handover,
        to thread: Int,
        through post: some HandoverCarrier
    ) {
        _ = sent(handover, to: thread, through: post)
    }

    private mutating func sent(
        _ handover: Handover,
        to thread: Int,
        through post: some HandoverCarrier
    ) -> Bool {
        let isSent = post.send(handover, from: threadNumber, to: thread)
        if !isSent { statistics.dropsHandover &+= 1 }
        return isSent
    }
}

/// A message of another thread's client on its way.
private struct PassedMessage {
    let bytes: [UInt8]
    let client: FiveTuple
    let origin: Int
    let hopsLeft: Int?
}
