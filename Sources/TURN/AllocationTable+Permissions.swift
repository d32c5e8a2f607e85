/// Permissions (RFC 8656 9).
internal import STUN

extension AllocationTable {
    /// Whether the permission exists and has not ended.
    func isLive(_ slot: Slot<Permission>, at now: Instant) -> Bool {
        slot.isSome && permissions[slot].expiry > now
    }

    /// The permission of an allocation for the address of a peer, ended or not.
    func permission(of allocation: Slot<Allocation>, for peer: IPAddress) -> Slot<Permission>? {
        permissionByPeer.value(of: PermissionKey(allocation: allocation, peer: peer))
    }

    /// What became of an attempt to add a permission.
    enum Addition {
        /// It is there already, untouched.
        case existing(Slot<Permission>)
        /// It is new.
        case added(Slot<Permission>)
        /// The allocation or the thread has as many as it may.
        case full
    }

    /// Adds a permission that ends at `expiry`, unless there is one, to a settled allocation.
    mutating func addPermission(
        to allocation: Slot<Allocation>,
        for peer: IPAddress,
        until expiry: Instant
    ) -> Addition {
        let key = PermissionKey(allocation: allocation, peer: peer)
        if let slot = permissionByPeer.value(of: key) { return .existing(slot) }
        guard allocations[allocation].permissionCount < permissionsPerAllocation else {
            return .full
        }
        let first = allocations[allocation].firstPermission
        let permission = Permission(key: key, expiry: expiry, next: first)
        guard let slot = permissions.take(permission) else { return .full }
        let isInserted = permissionByPeer.insert(slot, for: key)
        precondition(isInserted, "the table has as many places as the pool")
        allocations[allocation].firstPermission = slot
        allocations[allocation].permissionCount &+= 1
        setPermission(ofChannelsTo: peer, in: allocation, to: slot)
        advanceDeadline(of: allocation, to: expiry)
        recent = RecentLookups()
        return .added(slot)
    }

    /// Lets a permission end at `expiry`.
    mutating func setExpiry(of slot: Slot<Permission>, to expiry: Instant) {
        permissions[slot].expiry = expiry
        advanceDeadline(of: permissions[slot].key.allocation, to: expiry)
    }

    /// Takes back the last `count` permissions that were added to an allocation.
    mutating func removeNewestPermissions(_ count: Int, of allocation: Slot<Allocation>) {
        for _ in 0..<count {
            let slot = allocations[allocation].firstPermission
            let permission = permissions[slot]
            setPermission(ofChannelsTo: permission.key.peer, in: allocation, to: .none)
            allocations[allocation].firstPermission = permission.next
            allocations[allocation].permissionCount &-= 1
            forget(slot)
        }
        recent = RecentLookups()
    }

    /// Removes the permissions of an allocation that have ended or whose peers have no relayed address left;
    /// no channel names them any more.
    ///
    /// Returns when the next one ends.
    mutating func removeEndedPermissions(
        of allocation: Slot<Allocation>,
        at now: Instant
    ) -> Instant {
        var nextEnd = Instant.never
        var previous = Slot<Permission>.none
        var slot = allocations[allocation].firstPermission
        while slot.isSome {
            let permission = permissions[slot]
            if permission.expiry > now, allocations[allocation][permission.key.peer.family].isOpen {
                nextEnd = min(nextEnd, permission.expiry)
                previous = slot
            } else {
                unlink(permission, after: previous, from: allocation)
                forget(slot)
            }
            slot = permission.next
        }
        return nextEnd
    }

    /// Removes the permissions of an allocation that is being removed itself.
    mutating func removeAllPermissions(of allocation: Allocation) {
        var slot = allocation.firstPermission
        while slot.isSome {
            let next = permissions[slot].next
            forget(slot)
            slot = next
        }
    }

    private mutating func unlink(
        _ permission: Permission,
        after previous: Slot<Permission>,
        from allocation: Slot<Allocation>
    ) {
        if previous.isSome {
            permissions[previous].next = permission.next
        } else {
            allocations[allocation].firstPermission = permission.next
        }
        allocations[allocation].permissionCount &-= 1
    }

    /// Takes a permission out of table and pool; the caller has unlinked it.
    private mutating func forget(_ slot: Slot<Permission>) {
        permissionByPeer.remove(permissions[slot].key)
        permissions.giveBack(slot)
    }

    /// Keeps the channels to ports of one address in step with its permission.
    private mutating func setPermission(
        ofChannelsTo peer: IPAddress,
        in allocation: Slot<Allocation>,
        to permission: Slot<Permission>
    ) {
        var slot = allocations[allocation].firstChannel
        while slot.isSome {
            if channels[slot].peer.ip == peer { channels[slot].permission = permission }
            slot = channels[slot].next
        }
    }
}
