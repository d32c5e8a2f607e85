/// ConnectionBind, and the life of what it joins (RFC 6062 5.4, 5.5).
internal import STUN

extension TURNServer {
    /// Joins the client's data connection to a peer's, in the steps of RFC 6062 5.4.
    mutating func connectionBind(
        _ message: borrowing Message,
        _ request: Request,
        _ reply: inout MutableRawSpan
    ) -> Verdict {
        // A control connection stays one: its allocation could never be refreshed again.
        guard request.fiveTuple.transport.isStream,
            table.byClient.value(of: request.fiveTuple) == nil,
            let slot = pendingConnection(message, at: request.now.monotonic)
        else { return refuse(request, .badRequest, &reply) }
        let connection = table.tcp.pool[slot]
        guard table.allocations[connection.allocation].identity?.user == request.identity?.user
        else { return refuse(request, .wrongCredentials, &reply) }
        guard case .reply(let count) = acknowledge(request, &reply) else {
            return .drop(.replyOverflow)
        }
        table.tcp.pool[slot].state = .bound
        table.tcp.deadlines.remove(slot.index)
        counters.tcpConnectionsBound &+= 1
        return .join(PeerConnection(slot, connection.id), count: count)
    }

    /// The connection that a request names, if it waits for its client and both it and its allocation live.
    func pendingConnection(
        _ message: borrowing Message,
        at now: Instant
    ) -> Slot<TCPConnection>? {
        guard let attribute = message.first(.connectionID), attribute.count == 4,
            let number = message.uint32(attribute),
            let slot = table.tcp.byID.value(of: ConnectionID(rawValue: number)),
            case .pending = table.tcp.pool[slot].state,
            let deadline = table.tcp.deadlines.deadline(of: slot.index), deadline > now,
            table.allocations[table.tcp.pool[slot].allocation].expiry > now
        else { return nil }
        return slot
    }

    /// Forgets a connection with a peer that has ended, or whose joined client's connection has.
    ///
    /// The loop ends what is left of the pair itself (RFC 6062 5.5).
    public mutating func peerConnectionEnded(_ connection: PeerConnection) {
        guard let slot = table.tcp.slot(of: connection) else { return }
        table.removeTCPConnection(slot)
    }

    /// Takes bandwidth of the allocation for `count` bytes, at most `Limits.datagramBytes`, of a joined pair.
    ///
    /// - Returns: Whether they may go on now; else that side is to be read later.
    public mutating func takeBandwidth(
        _ count: Int,
        of connection: PeerConnection,
        toPeer: Bool,
        at now: Now
    ) -> Bool {
        guard let slot = table.tcp.slot(of: connection) else { return false }
        let allocation = table.tcp.pool[slot].allocation
        let bytes = UInt64(truncatingIfNeeded: count)
        if toPeer {
            return table.allocations[allocation].bandwidthToPeers.take(
                bytes,
                of: bandwidth,
                at: now.monotonic
            )
        }
        return table.allocations[allocation].bandwidthToClient.take(
            bytes,
            of: bandwidth,
            at: now.monotonic
        )
    }
}
