/// The end of things by time.
///
/// Each allocation has one entry in the heap. Refreshing does not move the entry: when it comes up, the
/// allocation is settled and entered again with its then earliest deadline. Data never waits for that: each
/// lookup compares the expiry of what it found with the time.

internal import STUN

extension AllocationTable {
    /// Settles what is past its deadline, at most `limit` allocations.
    mutating func expire(at now: Instant, limit: Int) {
        var left = limit
        while left > 0, let top = deadlines.top, top.deadline <= now {
            _ = settle(Slot(rawValue: UInt32(truncatingIfNeeded: top.slot)), at: now)
            left -= 1
        }
    }

    /// Removes all of an allocation that has ended, and what has lost its relayed address; false when that was
    /// the allocation itself.
    mutating func settle(_ slot: Slot<Allocation>, at now: Instant) -> Bool {
        guard allocations[slot].expiry > now else {
            remove(slot)
            expiredCount &+= 1
            return false
        }
        recent = RecentLookups()
        for family in AddressFamily.both where allocations[slot][family].expiry <= now {
            closeRelay(of: slot, family)
        }
        // Channels first: they let go of the permissions that are removed then.
        let channelEnd = removeEndedChannels(of: slot, at: now)
        let permissionEnd = removeEndedPermissions(of: slot, at: now)
        deadlines.set(slot.index, to: min(allocations[slot].firstExpiry, channelEnd, permissionEnd))
        return true
    }
}
