/// Mobility (RFC 8016): an allocation follows its client to another 5-tuple.
internal import STUN

extension TURNServer {
    /// Why MOBILITY-TICKET in an Allocate request is refused (RFC 8016 3.1.2); nil when it is not there or is served.
    func mobilityError(
        inAllocate message: borrowing Message,
        _ request: Request
    ) -> ErrorCode? {
        guard let attribute = message.first(.mobilityTicket) else { return nil }
        guard attribute.count == 0 else { return .badRequest }
        return mobilityError(request)
    }

    /// Why a client may not move; nil when it may.
    ///
    /// With neither credentials nor a session of TLS or DTLS whoever has seen a ticket could take the allocation (RFC 8016 5).
    func mobilityError(_ request: Request) -> ErrorCode? {
        let isProved = request.identity != nil || request.fiveTuple.transport.isSecure
        guard configuration.allowsMobility, isProved else { return .mobilityForbidden }
        // Where no allocation is made, none is moved to (RFC 8656 21.4).
        return request.fiveTuple.client.ip.isTunnelled ? .forbidden : nil
    }

    /// Gives a new allocation its first ticket.
    mutating func offerMobility(_ slot: Slot<Allocation>) {
        let stamp = TicketStamp(rawValue: random.next())
        guard table.byTicket.insert(slot, for: stamp) else { return }
        table.allocations[slot].mobility.ticket = MobilityTicket(stamp: stamp)
    }

    /// The allocation that a Refresh request with a ticket is for, in the steps of RFC 8016 3.2.2; nothing changes.
    ///
    /// That the nonce is ours and fits the new address was seen before, with the credentials.
    mutating func movingAllocation(
        _ message: borrowing Message,
        _ attribute: Attribute,
        _ request: Request
    ) -> OwnedAllocation {
        if let code = mobilityError(request) { return .refused(code) }
        guard let ticket = ticketKey.open(message.value(of: attribute)) else {
            return .refused(.badRequest)
        }
        let now = request.now.monotonic
        guard let slot = table.settledAllocation(of: ticket, at: now) else {
            return .refused(.allocationMismatch)
        }
        guard table.allocations[slot].identity?.user == request.identity?.user else {
            return .refused(.wrongCredentials)
        }
        return progress(of: slot, ticket, request)
    }

    /// Whether a ticket may be used from where it was: the newest from elsewhere, the one before only to repeat.
    private func progress(
        of slot: Slot<Allocation>,
        _ ticket: MobilityTicket,
        _ request: Request
    ) -> OwnedAllocation {
        let allocation = table.allocations[slot]
        let newest = allocation.mobility.ticket?.number ?? 0
        if ticket.number == newest {
            // RFC 8016 3.2.2 has 400 here; coturn's client refreshes so once it has moved, and nothing is at stake.
            if hasMoved(slot, to: request.fiveTuple) { return .found(slot) }
            // The new 5-tuple must not have another allocation (RFC 8656 7.2 step 2).
            let other = table.byClient.value(of: request.fiveTuple)
            return other == nil || other == slot ? .found(slot) : .refused(.allocationMismatch)
        }
        // The ticket before is kept for repetitions: of a move that goes on, or of one that is complete.
        let isRepeated =
            ticket.number &+ 1 == newest && hasMoved(slot, to: request.fiveTuple)
        return isRepeated ? .found(slot) : .refused(.allocationMismatch)
    }

    /// Whether an allocation is where the request came from, or on its way there.
    private func hasMoved(_ slot: Slot<Allocation>, to fiveTuple: FiveTuple) -> Bool {
        let allocation = table.allocations[slot]
        guard let next = allocation.mobility.next else {
            return allocation.fiveTuple == fiveTuple && !allocation.mobility.isDetached
        }
        return next == fiveTuple
    }

    /// Moves an allocation to where the request came from, unless it is on its way there already.
    mutating func move(_ slot: Slot<Allocation>, _ request: Request) {
        if hasMoved(slot, to: request.fiveTuple) {
            table.heard(slot, from: request.fiveTuple, at: request.now.monotonic)
            counters.retransmissions &+= 1
            return
        }
        table.beginMove(of: slot, to: request.fiveTuple, at: request.now.monotonic)
        counters.moves &+= 1
    }

    /// Where a delivery of `count` bytes that `isCopied` goes as well; nil when it stays with one path.
    ///
    /// RFC 8016 3.2.2 has the old path used until there is data from the client on the new one, and a client that
    /// has broken with the old one and only listens would hear nothing. That it is there has been shown by its
    /// request, with a nonce for that very address. The copy takes its share of the bandwidth: two paths are no way
    /// to twice of it.
    public mutating func copy(of delivery: Delivery, count: Int, at now: Now) -> Delivery? {
        guard let slot = table.byClient.value(of: delivery.fiveTuple),
            let next = table.allocations[slot].mobility.next,
            table.allocations[slot].mobility.copiesEnd > now.monotonic
        else { return nil }
        let isWithinBandwidth = table.allocations[slot].bandwidthToClient.take(
            UInt64(count),
            of: bandwidth,
            at: now.monotonic
        )
        guard isWithinBandwidth else { return nil }
        var copy = delivery
        copy.fiveTuple = next
        return copy
    }

    /// Appends an allocation's newest ticket, if it has one.
    func appendTicket(of mobility: Mobility, to writer: inout MessageWriter) {
        guard let ticket = mobility.ticket else { return }
        writer.append(.mobilityTicket, bytes: ticketKey.seal(ticket).bytes)
    }
}
