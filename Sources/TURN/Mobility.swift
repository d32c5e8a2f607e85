/// Where the client of an allocation is while it moves (RFC 8016 3.2.2).

/// The mobility of one allocation.
struct Mobility: BitwiseCopyable {
    /// What its newest ticket says; nil when the client asked for none.
    var ticket: MobilityTicket?
    /// The 5-tuple that the client moves to, until it sends data from there; one at a time.
    var next: FiveTuple?
    /// Until when what peers send goes to `next` as well.
    var copiesEnd = Instant(nanoseconds: 0)
    /// The client's connection has ended and it has not come back yet: nothing reaches it.
    var isDetached = false
}

extension AllocationTable {
    /// The allocation that a ticket names, after all of it that has ended was removed; its number is not looked at.
    mutating func settledAllocation(
        of ticket: MobilityTicket,
        at now: Instant
    ) -> Slot<Allocation>? {
        guard let slot = byTicket.value(of: ticket.stamp) else { return nil }
        let deadline = deadlines.deadline(of: slot.index) ?? .never
        guard deadline > now || settle(slot, at: now) else { return nil }
        return slot
    }

    /// Lets the client reach its allocation from `fiveTuple` too, which is nobody's; the old path stays until
    /// `completeMove`, and what peers send goes to both for a while.
    ///
    /// A client that goes back to where it still is, or is nowhere, has but one path.
    mutating func beginMove(of slot: Slot<Allocation>, to fiveTuple: FiveTuple, at now: Instant) {
        cancelMove(of: slot)
        allocations[slot].mobility.ticket?.number &+= 1
        guard allocations[slot].fiveTuple != fiveTuple || isDetached(slot) else { return }
        let isInserted = byClient.insert(slot, for: fiveTuple)
        precondition(isInserted, "there are two places for each allocation")
        allocations[slot].mobility.next = fiveTuple
        moving += 1
        heard(slot, from: fiveTuple, at: now)
        if isDetached(slot) { completeMove(of: slot) }
    }

    /// Notes that a request has come from where the client moves, if it has.
    mutating func heard(_ slot: Slot<Allocation>, from fiveTuple: FiveTuple, at now: Instant) {
        guard moving > 0, allocations[slot].mobility.next == fiveTuple else { return }
        allocations[slot].mobility.copiesEnd = now.advanced(bySeconds: Limits.copySeconds)
    }

    /// Ends the old path: the client is where it moved to, and nowhere else.
    mutating func completeMove(of slot: Slot<Allocation>, isConnected: Bool = true) {
        guard let next = allocations[slot].mobility.next else { return }
        recent = RecentLookups()
        if !isDetached(slot) { forget(allocations[slot].fiveTuple, isConnected: isConnected) }
        allocations[slot].fiveTuple = next
        allocations[slot].mobility.next = nil
        moving -= 1
        allocations[slot].mobility.isDetached = false
    }

    /// Ends the new path, if there is one.
    mutating func cancelMove(of slot: Slot<Allocation>, isConnected: Bool = true) {
        guard let next = allocations[slot].mobility.next else { return }
        recent = RecentLookups()
        forget(next, isConnected: isConnected)
        allocations[slot].mobility.next = nil
        moving -= 1
    }

    /// What is left of an allocation's paths when the connection of one has ended; false when there is none
    /// and the client cannot come back.
    mutating func keep(_ slot: Slot<Allocation>, without fiveTuple: FiveTuple) -> Bool {
        if allocations[slot].mobility.next == fiveTuple {
            cancelMove(of: slot, isConnected: false)
        } else if allocations[slot].mobility.next != nil {
            completeMove(of: slot, isConnected: false)
        } else {
            guard allocations[slot].mobility.ticket != nil else { return false }
            recent = RecentLookups()
            byClient.remove(fiveTuple)
            allocations[slot].mobility.isDetached = true
        }
        return true
    }

    private func isDetached(_ slot: Slot<Allocation>) -> Bool {
        allocations[slot].mobility.isDetached
    }

    /// A 5-tuple has no allocation any more; its connection, if it is one, is told when the queue has room beyond
    /// what the ends of all allocations need.
    private mutating func forget(_ fiveTuple: FiveTuple, isConnected: Bool) {
        byClient.remove(fiveTuple)
        guard isConnected, fiveTuple.connection != .none else { return }
        let reserved = 2 * allocations.count + tcp.count
        if commands.count + reserved < commands.capacity {
            commands.append(.left(fiveTuple.connection))
        }
    }
}
