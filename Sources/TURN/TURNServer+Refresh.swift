/// Refresh (RFC 8656 8).
internal import STUN

extension TURNServer {
    /// Prolongs or deletes an allocation, in the steps of RFC 8656 8.2.
    mutating func refresh(
        _ message: borrowing Message,
        _ request: Request,
        _ reply: inout MutableRawSpan
    ) -> Verdict {
        let slot: Slot<Allocation>
        let ticket = message.first(.mobilityTicket)
        let owned =
            ticket.map { movingAllocation(message, $0, request) } ?? ownedAllocation(request)
        switch owned {
        case .refused(let code): return refuse(request, code, &reply)
        case .found(let found): slot = found
        }
        var family: AddressFamily?
        if let attribute = message.first(.requestedAddressFamily) {
            guard attribute.count == 4, let number = message.uint8(attribute) else {
                return refuse(request, .badRequest, &reply)
            }
            family = AddressFamily(rawValue: number)
            guard let family, table.allocations[slot][family].isOpen else {
                return refuse(request, .peerAddressFamilyMismatch, &reply)
            }
        }
        let lifetime = message.first(.lifetime)
        guard lifetime.map({ $0.count == 4 }) ?? true else {
            return refuse(request, .badRequest, &reply)
        }
        if ticket != nil { move(slot, request) }
        let requested = lifetime.flatMap { message.uint32($0) }
        let granted = prolong(slot, family, requested, request)
        let mobility = ticket == nil || granted == 0 ? nil : table.allocations[slot].mobility
        return acknowledge(request, lifetime: granted, mobility: mobility, &reply)
    }

    /// Lets the relayed address of a family, or without one all of an allocation, live for what was asked,
    /// within bounds; 0 removes it at once.
    private mutating func prolong(
        _ slot: Slot<Allocation>,
        _ only: AddressFamily?,
        _ requested: UInt32?,
        _ request: Request
    ) -> UInt32 {
        if requested == 0 {
            delete(slot, only, at: request.now.monotonic)
            return 0
        }
        let granted = lifetimeSeconds(requested, request)
        let expiry = request.now.monotonic.advanced(bySeconds: UInt64(granted))
        for family in AddressFamily.both where only ?? family == family {
            guard table.allocations[slot][family].isOpen else { continue }
            table.setExpiry(of: slot, family, to: expiry)
        }
        // The key of a new access token signs what follows.
        if request.identity?.tokenEnd != nil { table.allocations[slot].identity = request.identity }
        return granted
    }

    /// Ends the relayed address of a family with its permissions and channels, and nothing of the other family
    /// (RFC 8656 8.1); or without a family, or with the last one, the allocation.
    private mutating func delete(
        _ slot: Slot<Allocation>,
        _ only: AddressFamily?,
        at now: Instant
    ) {
        if let only, table.allocations[slot][only.other].isOpen {
            table.closeRelay(of: slot, only)
            _ = table.settle(slot, at: now)
        } else {
            table.remove(slot)
            counters.allocationsDeleted &+= 1
        }
    }

    /// The lifetime granted to a client that asked for `requested` seconds, or for none (RFC 8656 7.2): no more
    /// than what is left of its access token (RFC 7635 9).
    func lifetimeSeconds(_ requested: UInt32?, _ request: Request) -> UInt32 {
        let wanted = max(requested ?? 0, Limits.defaultLifetimeSeconds)
        let granted = min(wanted, configuration.maximumLifetimeSeconds)
        return min(granted, request.identity?.secondsLeft(at: request.now) ?? granted)
    }
}
