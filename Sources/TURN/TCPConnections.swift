/// The connections of TCP allocations with peers (RFC 6062): a table of fixed capacity.
internal import STUN

/// A connection with a peer.
struct TCPConnection: BitwiseCopyable {
    /// Where it is in its life.
    enum State: BitwiseCopyable {
        /// The loop connects; the Connect request waits for its answer.
        case connecting(PendingConnect)
        /// As above, and the loop was told to give up.
        case givenUp(PendingConnect)
        /// The client has the id, and has not bound it yet.
        case pending
        /// Joined to a data connection of the client.
        case bound
    }

    var id: ConnectionID
    var allocation: Slot<Allocation>
    /// The peer, as `OwnAddresses.canonical` names it.
    var peer: TransportAddress
    var state: State
    var next: Slot<TCPConnection>
}

/// What the answer to a Connect request needs once the connection is made or has failed.
struct PendingConnect: BitwiseCopyable {
    var transactionID: TransactionID
    var hasFingerprint: Bool
    var identity: Identity?
}

/// The connections of a thread with peers, found by id; those that wait have a deadline.
///
/// What holds between calls: each connection is in its allocation's list and in `byID` once; it has a
/// deadline if and only if it waits, for its peer or for its client.
struct TCPConnections: ~Copyable, Sendable {
    var pool: SlotPool<TCPConnection>
    var byID: FlatTable<ConnectionID, Slot<TCPConnection>>
    var deadlines: DeadlineHeap

    let perAllocation: Int
    let thread: Int

    /// Connections that were not made, or not bound, in time.
    var expiredCount: UInt64 = 0

    /// An empty table with room for what `configuration` allows; where TCP is not relayed, for next to nothing.
    init(configuration: ServerConfiguration, hash: KeyedHash) {
        let capacity = configuration.relaysTCP ? max(configuration.tcpConnectionCapacity, 1) : 1
        precondition(
            configuration.threadNumber < ConnectionID.threadLimit,
            "an id has room for the number of its thread"
        )
        pool = SlotPool(capacity: capacity)
        byID = FlatTable(capacity: capacity, hash: hash)
        deadlines = DeadlineHeap(capacity: capacity)
        perAllocation = configuration.tcpConnectionsPerAllocation
        thread = configuration.threadNumber
    }

    /// The most connections.
    var capacity: Int { pool.capacity }

    /// The connections now.
    var count: Int { pool.count }

    /// When something ends next, if nothing happens before.
    var nextDeadline: Instant? { deadlines.top?.deadline }

    /// The place of a connection that has not ended.
    func slot(of connection: PeerConnection) -> Slot<TCPConnection>? {
        guard let slot = byID.value(of: connection.id), slot.rawValue == connection.index else {
            return nil
        }
        return slot
    }

    /// An id that no connection has.
    func unusedID(_ random: inout RandomSource) -> ConnectionID {
        // There are many more ids than connections, so this ends soon.
        while true {
            let id = ConnectionID(thread: thread, random: random.next())
            if !byID.contains(id) { return id }
        }
    }
}

extension AllocationTable {
    /// The connection of an allocation with a peer.
    func tcpConnection(
        of allocation: Slot<Allocation>,
        with peer: TransportAddress
    ) -> Slot<TCPConnection>? {
        var slot = allocations[allocation].firstTCPConnection
        while slot.isSome, tcp.pool[slot].peer != peer { slot = tcp.pool[slot].next }
        return slot.isSome ? slot : nil
    }

    /// Whether another connection fits, and later the command that ends it.
    func hasRoomForTCPConnection(in allocation: Slot<Allocation>) -> Bool {
        allocations[allocation].tcpConnectionCount < tcp.perAllocation
            && tcp.count + commands.count < tcp.capacity
    }

    /// Enters a connection that waits until `deadline`; `hasRoomForTCPConnection` was asked before.
    mutating func addTCPConnection(
        _ id: ConnectionID,
        with peer: TransportAddress,
        of allocation: Slot<Allocation>,
        _ state: TCPConnection.State,
        until deadline: Instant
    ) -> PeerConnection {
        let connection = TCPConnection(
            id: id,
            allocation: allocation,
            peer: peer,
            state: state,
            next: allocations[allocation].firstTCPConnection
        )
        guard let slot = tcp.pool.take(connection), tcp.byID.insert(slot, for: id) else {
            preconditionFailure("room was checked, and the table has as much as the pool")
        }
        allocations[allocation].firstTCPConnection = slot
        allocations[allocation].tcpConnectionCount &+= 1
        tcp.deadlines.set(slot.index, to: deadline)
        return PeerConnection(slot, id)
    }

    /// Forgets a connection that the loop has ended, or is told to end.
    mutating func removeTCPConnection(_ slot: Slot<TCPConnection>) {
        let connection = tcp.pool[slot]
        var previous = Slot<TCPConnection>.none
        var current = allocations[connection.allocation].firstTCPConnection
        while current.isSome, current != slot {
            previous = current
            current = tcp.pool[current].next
        }
        if previous.isSome {
            tcp.pool[previous].next = connection.next
        } else {
            allocations[connection.allocation].firstTCPConnection = connection.next
        }
        allocations[connection.allocation].tcpConnectionCount &-= 1
        forgetTCPConnection(slot)
    }

    /// Ends the connections of an allocation that is being removed itself (RFC 6062 5.5).
    mutating func removeAllTCPConnections(of allocation: Allocation) {
        var slot = allocation.firstTCPConnection
        while slot.isSome {
            let connection = tcp.pool[slot]
            forgetTCPConnection(slot)
            // Who was told to give up ends it without another word.
            if case .givenUp = connection.state {
            } else {
                commands.append(.disconnect(PeerConnection(slot, connection.id)))
            }
            slot = connection.next
        }
    }

    /// Ends what waits past its deadline, at most `limit` connections.
    mutating func expireTCPConnections(at now: Instant, limit: Int) {
        var left = limit
        while left > 0, let top = tcp.deadlines.top, top.deadline <= now {
            endWait(of: Slot(rawValue: UInt32(truncatingIfNeeded: top.slot)))
            tcp.expiredCount &+= 1
            left -= 1
        }
    }

    /// Ends a connection whose peer, or whose client, has kept it waiting for too long.
    private mutating func endWait(of slot: Slot<TCPConnection>) {
        let connection = tcp.pool[slot]
        switch connection.state {
        case .connecting(let pending):
            tcp.pool[slot].state = .givenUp(pending)
            tcp.deadlines.remove(slot.index)
            commands.append(.giveUp(PeerConnection(slot, connection.id)))
        case .pending:
            removeTCPConnection(slot)
            commands.append(.disconnect(PeerConnection(slot, connection.id)))
        case .givenUp, .bound:
            preconditionFailure("has no deadline")
        }
    }

    /// Takes a connection out of tables and pool; its allocation has forgotten it.
    private mutating func forgetTCPConnection(_ slot: Slot<TCPConnection>) {
        tcp.byID.remove(tcp.pool[slot].id)
        tcp.deadlines.remove(slot.index)
        tcp.pool.giveBack(slot)
    }
}
