/// Clients that move, and allocations that follow them from thread to thread: RFC 8016.

extension ReferenceModel {
    /// Whether this user may keep an allocation when he moves: over UDP it takes credentials (RFC 8016, 5).
    var mayMove: Bool { scenario.allowsMobility && scenario.isAuthenticationRequired }

    /// What MOBILITY-TICKET in an Allocate request leads to (RFC 8016, 3.1.2).
    func checkTicket(inAllocate message: WireMessage, _ judgement: inout Judgement) {
        guard let ticket = message.value(WireType.mobilityTicket) else { return }
        if !ticket.isEmpty { judgement.mustFail.insert(400) }
        if !mayMove { judgement.mustFail.insert(405) }
    }

    /// The allocation that a Refresh request with a ticket is about, and what is wrong with asking (RFC 8016, 3.2.2).
    func allocation(
        of ticket: [UInt8],
        _ client: FiveTuple,
        _ author: Author?,
        _ judgement: inout Judgement
    ) throws(Violation) -> ModelAllocation? {
        guard mayMove else {
            judgement.mustFail.insert(405)
            return nil
        }
        guard let id = tickets[ticket] else {
            judgement.mustFail.insert(400)
            return nil
        }
        guard let allocation = allocations[id], now < allocation.expiry else {
            judgement.mustFail.insert(437)
            return nil
        }
        guard allocation.thread == thread, !allocation.isTravelling else {
            try checkAsked(judgement)
            judgement.mustFail.insert(437)
            return nil
        }
        if let author, author.user != allocation.user { judgement.mustFail.insert(441) }
        check(ticket, of: allocation, from: client, &judgement)
        return allocation
    }

    /// Only who has asked all others may say that there is no such allocation.
    private func checkAsked(_ judgement: Judgement) throws(Violation) {
        if isAskedAround || !judgement.mustFail.isEmpty || !judgement.mayFail.isEmpty { return }
        if lostWords > 0 { return lostWords -= 1 }
        throw Violation("the thread with the allocation of a ticket was not asked")
    }

    /// The newest ticket is good from anywhere, the one before only for repetitions, others for nothing.
    private func check(
        _ ticket: [UInt8],
        of allocation: ModelAllocation,
        from client: FiveTuple,
        _ judgement: inout Judgement
    ) {
        let hasMoved = allocation.hasMoved(to: client)
        if allocation.tickets.last == ticket {
            // The letter of RFC 8016 has 400 for a 5-tuple that has not changed.
            if hasMoved { judgement.mayFail.insert(400) }
            if let other = live(client), other.id != allocation.id {
                judgement.mustFail.insert(437)
            }
        } else if !hasMoved || allocation.tickets.dropLast().last != ticket {
            judgement.mustFail.formUnion([400, 437])
        }
    }

    /// Takes note of the ticket in the answer to a Refresh request with one, and of the move that it begins.
    func move(
        _ allocation: inout ModelAllocation,
        to client: FiveTuple,
        _ answer: WireMessage,
        isEnding: Bool
    ) throws(Violation) {
        let told = answer.value(WireType.mobilityTicket)
        guard isEnding || told != nil else { throw Violation("a move without a new ticket") }
        if allocation.hasMoved(to: client) {
            if let told { try learn(told, of: &allocation) }
            return
        }
        if let told, tickets[told] != nil { throw Violation("a ticket was given out twice") }
        allocation.tickets.append(told)
        if let told { tickets[told] = allocation.id }
        allocation.next = allocation.fiveTuple == client ? nil : client
        tally.moves += 1
    }

    /// A repeated answer tells the newest ticket.
    func learn(_ told: [UInt8], of allocation: inout ModelAllocation) throws(Violation) {
        guard let newest = allocation.tickets.last, newest == nil || newest == told else {
            throw Violation("a repeated answer has another ticket than the first")
        }
        allocation.tickets[allocation.tickets.count - 1] = told
        tickets[told] = allocation.id
    }

    /// Data from where the client moves to ends its old path.
    func completeMove(to client: FiveTuple) {
        guard var allocation = live(client), allocation.next == client else { return }
        allocation.fiveTuple = client
        allocation.next = nil
        allocations[allocation.id] = allocation
    }
}

extension ReferenceModel {
    /// Whether the thread that a message came to has passed it on: it must when it has promised to, and may
    /// when the message has a ticket for an allocation that it does not have.
    func isPassedOn(_ bytes: [UInt8], from client: FiveTuple) -> Bool {
        guard let place = passedOn.firstIndex(where: { $0.client == client && $0.bytes == bytes }),
            promises[client] != nil || mayAskOthers(bytes, client)
        else { return false }
        passedOn.remove(at: place)
        return true
    }

    /// Whether a request has a ticket of an allocation that this thread does not have.
    func mayAskOthers(_ bytes: [UInt8], _ client: FiveTuple) -> Bool {
        guard let message = WireMessage(bytes), message.messageClass == .request,
            message.method == WireMethod.refresh, mayMove,
            let ticket = message.value(WireType.mobilityTicket), let id = tickets[ticket]
        else { return false }
        // One that has ended may have been removed already, or not.
        if let allocation = allocations[id], allocation.thread == thread,
            !allocation.isTravelling, now < allocation.expiry
        {
            return false
        }
        var judgement = Judgement()
        _ = author(of: message, from: client, &judgement)
        return judgement.mustFail.isEmpty
    }

    /// A thread that was asked has passed a message on, or back: not when it has the allocation.
    func examine(
        passedFurther bytes: [UInt8],
        from client: FiveTuple,
        wasAsked: Bool
    ) throws(Violation) {
        guard wasAsked, let ticket = WireMessage(bytes)?.value(WireType.mobilityTicket) else {
            if live(client) == nil { return }
            throw Violation("passed on a message of a client of its own")
        }
        if let allocation = tickets[ticket].flatMap({ allocations[$0] }), now < allocation.expiry,
            allocation.thread == thread && !allocation.isTravelling
        {
            throw Violation("passed on a ticket of an allocation of its own")
        }
    }

    /// Whether a thread had to pass data on, and says why it did not.
    func isLost(dataOf client: FiveTuple) throws(Violation) -> Bool {
        guard promises[client] == true, !isAskedAround, live(client) == nil else { return false }
        guard lostWords > 0 else { throw Violation("data of \(client) was not passed on") }
        lostWords -= 1
        return true
    }

    /// Whether a thread had to pass a request on, and rightly refused it instead, or lost it.
    func isRefusedEarly(
        _ message: WireMessage,
        _ client: FiveTuple,
        _ author: Author?,
        _ judgement: Judgement
    ) throws(Violation) -> Bool {
        guard !isAskedAround, let isCertain = promises[client] else { return false }
        var judgement = judgement
        if message.method == WireMethod.allocate { checkExpiry(of: author, &judgement) }
        let isOpen = judgement.mustFail.isEmpty
        if message.method == WireMethod.allocate {
            // Who allocates anew has given the other one up.
            if isOpen { promises[client] = judgement.mayFail.isEmpty ? nil : false }
            return false
        }
        guard isCertain, live(client) == nil else { return false }
        if isOpen, lostWords > 0, answer(to: message, of: client) == nil {
            lostWords -= 1
            return true
        }
        if isOpen { judgement.mustFail = judgement.mayFail }
        guard !judgement.mustFail.isEmpty else {
            throw Violation("a request of \(client) was not passed on: \(hex(message.bytes))")
        }
        _ = try success(to: message, of: client, by: author, judgement)
        return true
    }

    /// The answer of another thread leaves through the thread of the client.
    func examine(
        answer bytes: [UInt8],
        to client: FiveTuple,
        isOwner: Bool
    ) throws(Violation) {
        let isHere = allocations.values.contains {
            $0.thread == thread && !$0.isTravelling && $0.isReached(by: client)
        }
        promises[client] = isOwner && !isHere ? true : nil
        if bytes.isEmpty { return }
        guard outputs.head(client.flow) == bytes else {
            throw Violation("the answer of another thread did not leave: \(hex(bytes))")
        }
        outputs.removeHead(client.flow)
    }

    /// An allocation goes to the thread of its client, who has no other path any more; what has ended of it stays to be
    /// closed.
    func examine(leaving client: FiveTuple) throws(Violation) {
        if let moving = live(client) {
            for (family, relay) in moving.relays where relay.expiry <= now { end(moving, family) }
        }
        guard var allocation = live(client), allocation.paths == [client],
            client.thread != thread
        else { throw Violation("an allocation left a client of its thread: \(client)") }
        for relay in allocation.relays.values { relays[relay.name] = nil }
        allocation.isTravelling = true
        allocation.thread = client.thread
        allocations[allocation.id] = allocation
        tally.handovers += 1
    }

    /// It is there, or has ended because there was no room.
    func examine(
        arrived client: FiveTuple,
        _ names: [UInt8: RelayName],
        isInstalled: Bool
    ) throws(Violation) {
        let found = allocations.values.first {
            $0.isTravelling && $0.thread == thread && $0.fiveTuple == client
        }
        guard var allocation = found, Set(names.keys) == Set(allocation.relays.keys) else {
            throw Violation("an allocation came that had not left: \(client)")
        }
        promises[client] = nil
        let rivals = allocations.values.filter { $0.thread == thread && !$0.isTravelling }
        for (family, name) in names {
            allocation.relays[family]?.name = name
            relays[name] = allocation.id
        }
        allocation.isTravelling = false
        allocations[allocation.id] = allocation
        if isInstalled { return }
        let ending = ending.keys.count { $0.thread == thread }
        guard
            rivals.count + ending >= scenario.allocationCapacity
                || rivals.contains(where: { $0.paths.contains(client) })
        else { throw Violation("an allocation was lost on its way: \(client)") }
        end(allocation)
    }
}
