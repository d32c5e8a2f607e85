/// All state of the server: allocations with their permissions and channels, found in constant time.
internal import STUN

/// The tables of one thread.
///
/// What holds between calls: each allocation is in `byClient` and `byRelay` once and has one entry in
/// `deadlines`, never later than the first thing that ends in it; each permission and channel is in its
/// allocation's list and in its keyed table once; a channel names the permission of its peer's address if
/// and only if that permission exists. So data on a channel costs two lookups, and deleting an
/// allocation costs what it owns.
struct AllocationTable: ~Copyable, Sendable {
    var allocations: SlotPool<Allocation>
    var permissions: SlotPool<Permission>
    var channels: SlotPool<Channel>

    var byClient: FlatTable<FiveTuple, Slot<Allocation>>
    var byRelay: RelayMap
    var byTicket: FlatTable<TicketStamp, Slot<Allocation>>
    /// 5-tuples whose allocation is on another thread until they send data.
    var promises: PromiseTable<FiveTuple>
    /// Where allocations went that left this thread, by their tickets.
    var departures: PromiseTable<TicketStamp>
    var permissionByPeer: FlatTable<PermissionKey, Slot<Permission>>
    var channelByNumber: FlatTable<ChannelNumberKey, Slot<Channel>>
    var channelByPeer: FlatTable<ChannelPeerKey, Slot<Channel>>

    var deadlines: DeadlineHeap
    var commands: CommandQueue
    var recent = RecentLookups()

    /// Connections with peers of TCP allocations.
    var tcp: TCPConnections

    let permissionsPerAllocation: Int
    let channelsPerAllocation: Int

    /// Allocations whose client has two paths.
    var moving = 0

    /// Channels that are held after their end.
    var heldChannels = 0

    /// Allocations that ended by their deadline.
    var expiredCount: UInt64 = 0

    /// Empty tables with room for what `configuration` allows.
    init(configuration: ServerConfiguration, hash: KeyedHash) {
        let allocationCapacity = configuration.allocationCapacity
        permissionsPerAllocation = configuration.permissionsPerAllocation
        channelsPerAllocation = configuration.channelsPerAllocation
        let permissionCapacity = Limits.permissions(
            allocations: allocationCapacity,
            each: permissionsPerAllocation
        )
        let channelCapacity = Limits.channels(
            allocations: allocationCapacity,
            each: channelsPerAllocation
        )
        allocations = SlotPool(capacity: allocationCapacity)
        permissions = SlotPool(capacity: permissionCapacity)
        channels = SlotPool(capacity: channelCapacity)
        // A client that moves has two 5-tuples (RFC 8016 3.2.2).
        let fiveTuples = configuration.allowsMobility ? 2 * allocationCapacity : allocationCapacity
        byClient = FlatTable(capacity: fiveTuples, hash: hash)
        let tickets = configuration.allowsMobility ? allocationCapacity : 1
        byTicket = FlatTable(capacity: tickets, hash: hash)
        promises = PromiseTable(capacity: Limits.promises, hash: hash)
        departures = PromiseTable(capacity: Limits.promises, hash: hash)
        byRelay = RelayMap(limit: configuration.relayIndexLimit)
        permissionByPeer = FlatTable(capacity: permissionCapacity, hash: hash)
        channelByNumber = FlatTable(capacity: channelCapacity, hash: hash)
        channelByPeer = FlatTable(capacity: channelCapacity, hash: hash)
        deadlines = DeadlineHeap(capacity: allocationCapacity)
        tcp = TCPConnections(configuration: configuration, hash: hash)
        commands = CommandQueue(capacity: 2 * allocationCapacity + 2 + tcp.capacity)
    }
}

extension AllocationTable {
    /// Whether another allocation fits, and later the commands that close its sockets.
    var hasRoom: Bool { !allocations.isFull && commands.count <= 2 }

    /// The allocation of a 5-tuple that sends data, if it lives; who moved there is then nowhere else.
    mutating func allocation(of fiveTuple: FiveTuple, at now: Instant) -> Slot<Allocation>? {
        let slot: Slot<Allocation>
        if recent.client == fiveTuple, recent.allocation.isSome {
            slot = recent.allocation
        } else {
            guard let found = byClient.value(of: fiveTuple) else { return nil }
            if allocations[found].mobility.next == fiveTuple { completeMove(of: found) }
            recent.client = fiveTuple
            recent.allocation = found
            slot = found
        }
        return allocations[slot].expiry > now ? slot : nil
    }

    /// The allocation of a 5-tuple after all of it that has ended was removed: what requests work on.
    mutating func settledAllocation(of fiveTuple: FiveTuple, at now: Instant) -> Slot<Allocation>? {
        guard let slot = byClient.value(of: fiveTuple) else { return nil }
        if let deadline = deadlines.deadline(of: slot.index), deadline <= now {
            guard settle(slot, at: now) else { return nil }
        }
        return slot
    }

    /// Enters `allocation`; its 5-tuple and its relay are not in use, and `hasRoom` was asked before.
    mutating func insert(_ allocation: Allocation) -> Slot<Allocation> {
        precondition(hasRoom, "room was checked before the relayed socket was opened")
        guard let slot = allocations.take(allocation) else {
            preconditionFailure("there is room")
        }
        let isInserted = byClient.insert(slot, for: allocation.fiveTuple)
        precondition(isInserted, "the table has as many places as the pool")
        for family in AddressFamily.both where allocation[family].isOpen {
            byRelay.set(allocation[family].index, to: slot)
        }
        deadlines.set(slot.index, to: allocation.firstExpiry)
        recent = RecentLookups()
        return slot
    }

    /// Lets a relayed address of an allocation end at `expiry`.
    mutating func setExpiry(
        of slot: Slot<Allocation>,
        _ family: AddressFamily,
        to expiry: Instant
    ) {
        allocations[slot][family].expiry = expiry
        advanceDeadline(of: slot, to: expiry)
    }

    /// Removes an allocation and all that belongs to it, and asks for its sockets to be closed.
    mutating func remove(_ slot: Slot<Allocation>) {
        unlink(slot)
        for family in AddressFamily.both { closeRelay(of: slot, family) }
        allocations.giveBack(slot)
    }

    /// Removes an allocation and all that belongs to it but its sockets, which another thread has.
    mutating func giveAway(_ slot: Slot<Allocation>) {
        unlink(slot)
        for family in AddressFamily.both where allocations[slot][family].isOpen {
            byRelay.set(allocations[slot][family].index, to: .none)
        }
        allocations.giveBack(slot)
    }

    /// Takes all that belongs to an allocation, and the ways to it, out of the tables.
    private mutating func unlink(_ slot: Slot<Allocation>) {
        recent = RecentLookups()
        cancelMove(of: slot)
        let allocation = allocations[slot]
        removeAllChannels(of: allocation)
        removeAllPermissions(of: allocation)
        removeAllTCPConnections(of: allocation)
        if !allocation.mobility.isDetached { byClient.remove(allocation.fiveTuple) }
        if let ticket = allocation.mobility.ticket { byTicket.remove(ticket.stamp) }
        deadlines.remove(slot.index)
    }

    /// Takes a relayed address from an allocation and asks for its socket to be closed.
    ///
    /// What needed it is gone when the allocation is settled or removed, which the caller sees to.
    mutating func closeRelay(of slot: Slot<Allocation>, _ family: AddressFamily) {
        let allocation = allocations[slot]
        let relay = allocation[family]
        guard relay.isOpen else { return }
        byRelay.set(relay.index, to: .none)
        allocations[slot][family] = .none
        commands.append(
            .close(
                relay: relay.index,
                userTag: allocation.userTag,
                isLast: !allocation[family.other].isOpen,
                client: allocation.mobility.isDetached ? .none : allocation.fiveTuple.connection
            )
        )
    }

    /// Makes sure that the allocation is looked at by `deadline`.
    mutating func advanceDeadline(of slot: Slot<Allocation>, to deadline: Instant) {
        if let current = deadlines.deadline(of: slot.index), current <= deadline { return }
        deadlines.set(slot.index, to: deadline)
    }
}

/// The last answers of the tables: the datagrams of a train, and most that follow one another, ask alike.
///
/// Only hints of where things are, reset whenever anything is added or removed; what is found is then
/// checked for its expiry like anything else.
struct RecentLookups {
    var client: FiveTuple?
    var allocation = Slot<Allocation>.none

    var relay: RelayIndex?
    /// The peer as the kernel names it.
    var peer: TransportAddress?
    var path: PeerPath?
}

/// What a peer's datagram needs to reach the client.
struct PeerPath {
    /// The peer as clients know it.
    var peer: TransportAddress
    var allocation = Slot<Allocation>.none
    var permission = Slot<Permission>.none
    /// The channel of the peer, held or not; or none.
    var channel = Slot<Channel>.none
}
