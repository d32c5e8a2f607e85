/// Allocations that follow their clients from thread to thread (RFC 8016).
///
/// `SO_REUSEPORT` may bring a client's new 5-tuple to another thread than its allocation's. Until the client sends
/// data from there, its requests are passed on to the owner of the allocation, which answers through this thread:
/// the old path stays as it is. With the first data the owner sends the allocation and its socket over; what its own
/// receive still takes from that socket follows.

internal import Exchange
internal import IOURing
internal import STUN
internal import TURN

extension RelayLoop {
    /// Sends the messages of this pass that are for other threads.
    mutating func sendStrays() {
        if !memory.engine.parcels.isEmpty { sendParcels() }
        if memory.engine.strays.isEmpty { return }
        for stray in memory.engine.strays {
            let receiver = stray.thread.map { Int($0) } ?? (index + 1) % post.threads
            send(
                .message(
                    stray.bytes,
                    from: stray.fiveTuple,
                    origin: index,
                    hopsLeft: stray.thread == nil ? post.threads - 2 : nil
                ),
                to: receiver
            )
        }
        memory.engine.strays.removeAll(keepingCapacity: true)
    }

    /// Sends what follows clients to other threads; where there is no room, it waits for another pass.
    private mutating func sendParcels() {
        for thread in 0..<post.threads {
            let words = memory.engine.parcels.filter { $0.thread == thread }.map(\.handover)
            if words.isEmpty || !post.send(.several(words), from: index, to: thread) { continue }
            memory.engine.parcels.removeAll { $0.thread == thread }
        }
    }

    /// Reads what other threads sent; each may have a bounded number of words waiting.
    mutating func receiveHandovers() {
        if post.threads < 2 { return }
        let now = Clock.now()
        for sender in 0..<post.threads {
            for _ in 0..<Limits.handovers {
                guard let handover = post.receive(at: index, from: sender) else { break }
                receive(handover, at: now)
            }
        }
    }

    private mutating func receive(_ handover: Handover, at now: Now) {
        switch handover {
        case .message(let bytes, let client, let origin, let hopsLeft):
            receive(bytes, from: client, origin: origin, hopsLeft: hopsLeft, at: now)
        case .answer(let bytes, let client, let owner):
            memory.engine.answerStray(bytes, to: client, owner: owner)
        case .returned(let bytes, let client):
            memory.engine.server.promise(client, thread: nil)
            let outcome = memory.engine.receiveStray(
                bytes,
                from: client,
                mayPassOn: false,
                at: now,
                opener: &sockets
            )
            guard case .answer(let answer) = outcome else { return }
            memory.engine.answerStray(answer, to: client, owner: nil)
        case .allocation(let moved, let client, let ipv4, let ipv6):
            install(moved, client: client, ipv4: ipv4, ipv6: ipv6, at: now)
        case .delivery(let bytes, let client):
            memory.engine.deliver(bytes, to: client)
        case .train(let train):
            memory.engine.receive(train, at: now)
        case .several(let words):
            for word in words { receive(word, at: now) }
        }
    }

    private mutating func receive(
        _ bytes: [UInt8],
        from client: FiveTuple,
        origin: Int,
        hopsLeft: Int?,
        at now: Now
    ) {
        // The allocation has left for where the message came from: it is there by the time this is.
        let foreign = client.foreign(of: origin)
        if hopsLeft == nil, !memory.engine.server.hasAllocation(foreign) {
            send(.returned(bytes, from: client), to: origin)
            return
        }
        let outcome = memory.engine.receiveStray(
            bytes,
            from: foreign,
            mayPassOn: hopsLeft != nil,
            at: now,
            opener: &sockets
        )
        switch outcome {
        case .passOn:
            // Where the last of them has it no more either, it may be there by now: a repeated Refresh crosses its way.
            guard let hopsLeft, hopsLeft > 0 else {
                send(.returned(bytes, from: client), to: origin)
                return
            }
            let next = Handover.message(
                bytes,
                from: client,
                origin: origin,
                hopsLeft: hopsLeft - 1
            )
            send(next, to: (index + 1) % post.threads)
        case .answer(let answer):
            // The allocation goes ahead of the answer, so that what the client says to that finds it there.
            let isHandedOver = handOver(client, to: origin, at: now)
            let isHere = memory.engine.server.hasAllocation(foreign)
            if answer.isEmpty && isHandedOver { return }
            let owner = isHere ? UInt16(truncatingIfNeeded: index) : nil
            send(.answer(answer, to: client, owner: owner), to: origin)
        }
    }

    /// Sends the allocation of a client that has moved for good to the thread where it is.
    ///
    /// What stands in the way (no descriptor, no room in the mailbox) leaves it here until the next message.
    private mutating func handOver(_ client: FiveTuple, to thread: Int, at now: Now) -> Bool {
        let foreign = client.foreign(of: thread)
        guard let moved = memory.engine.server.movedAllocation(of: foreign) else {
            return false
        }
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
        guard isComplete, send(handover, to: thread) else {
            for case let descriptor?? in [ipv4, ipv6] { _ = DatagramSocket(adopting: descriptor) }
            return false
        }
        memory.engine.server.giveAway(foreign)
        for family in AddressFamily.both {
            guard let relay = moved.relay(family) else { continue }
            sockets.letGo(relay.index)
            memory.engine.bequeath(
                relay.index,
                to: Heir(thread: thread, client: client, family: family)
            )
        }
        return true
    }

    private mutating func install(
        _ moved: MovedAllocation,
        client: FiveTuple,
        ipv4: Int32?,
        ipv6: Int32?,
        at now: Now
    ) {
        let first = adopt(ipv4, of: moved, .ipv4, at: now)
        let second = adopt(ipv6, of: moved, .ipv6, at: now)
        let isComplete = (first != nil) == (ipv4 != nil) && (second != nil) == (ipv6 != nil)
        if isComplete,
            memory.engine.install(moved, client: client, ipv4: first, ipv6: second, at: now)
        {
            return
        }
        // The end of the allocation: what was adopted is closed, and the quota given back once.
        memory.engine.statistics.dropsHandover &+= 1
        let userTag = moved.userTag
        for relay in [first, second] {
            guard let relay else { continue }
            sockets.close(relay, userTag: userTag, isLast: false, at: now)
        }
        sockets.shared.quota.release(userTag: userTag)
    }

    /// Makes a socket of another thread one of this thread's; closes it when there is no room.
    private mutating func adopt(
        _ descriptor: Int32?,
        of moved: MovedAllocation,
        _ family: AddressFamily,
        at now: Now
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

    @discardableResult
    private mutating func send(_ handover: Handover, to thread: Int) -> Bool {
        let isSent = post.send(handover, from: index, to: thread)
        if !isSent { memory.engine.statistics.dropsHandover &+= 1 }
        return isSent
    }
}

extension RelaySockets {
    /// Another descriptor of an open socket; nil when the system has none.
    func duplicate(_ relay: RelayIndex) -> Int32? {
        DatagramSocket.duplicate(descriptor(of: relay))
    }
}
