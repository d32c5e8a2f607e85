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
        switch ownedAllocation(request) {
        case .refused(let code): return refuse(request, code, &reply)
        case .found(let found): slot = found
        }
        if let attribute = message.first(.requestedAddressFamily) {
            guard attribute.count == 4, let family = message.uint8(attribute) else {
                return refuse(request, .badRequest, &reply)
            }
            guard family == table.allocations[slot].family.rawValue else {
                return refuse(request, .peerAddressFamilyMismatch, &reply)
            }
        }
        let lifetime = message.first(.lifetime)
        guard lifetime.map({ $0.count == 4 }) ?? true else {
            return refuse(request, .badRequest, &reply)
        }
        let granted = prolong(slot, lifetime.flatMap { message.uint32($0) }, at: request.now)
        return acknowledge(request, lifetime: granted, &reply)
    }

    /// Lets an allocation live for what was asked, within bounds; 0 removes it at once.
    private mutating func prolong(
        _ slot: Slot<Allocation>,
        _ requested: UInt32?,
        at now: Now
    ) -> UInt32 {
        if requested == 0 {
            table.remove(slot)
            counters.allocationsDeleted &+= 1
            return 0
        }
        let granted = lifetimeSeconds(requested: requested)
        table.setExpiry(of: slot, to: now.monotonic.advanced(bySeconds: UInt64(granted)))
        return granted
    }

    /// The lifetime granted to a client that asked for `requested` seconds, or for none (RFC 8656 7.2).
    func lifetimeSeconds(requested: UInt32?) -> UInt32 {
        let wanted = max(requested ?? 0, Limits.defaultLifetimeSeconds)
        return min(wanted, configuration.maximumLifetimeSeconds)
    }
}
