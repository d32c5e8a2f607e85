/// Joined connections: what comes on one goes to the other as it is (RFC 6062 5.4, 5.5).
///
/// A side is read only as far as the other's outbox has room, so that nothing that was taken in is ever dropped.

internal import IOURing
internal import STUN
internal import TURN

extension RelayEngine {
    /// Joins a client's connection to a peer's that waits for it.
    mutating func join(_ client: ConnectionIndex, to peer: PeerConnection) {
        guard let other = connections.index(of: peer), connections[other].role == .pending,
            connections[client].phase == .open, connections[client].ending == .no,
            // In a WebSocket there is nothing but messages.
            connections[client].speech == .messages,
            // One that was read ahead may have more than there is room for.
            !connections[client].receivesOn
        else {
            server.peerConnectionEnded(peer)
            disconnect(peer)
            connections[client].ending = .afterSending
            return
        }
        connections.heard(client, hasAllocation: true, at: 0)
        for (side, partner) in [(client, other), (other, client)] {
            connections[side].role = .joined
            connections[side].joining.peer = peer
            connections[side].joining.partner = partner
            connections[side].joining.isHeld = true
            connections.markDirty(side)
        }
    }

    /// Handles bytes that are no messages to this thread.
    mutating func takeRaw(
        _ range: Range<Int>,
        of buffer: BufferIndex,
        from index: ConnectionIndex,
        at now: Now
    ) {
        switch connections[index].role {
        case .joined: pass(range, of: buffer, from: index, at: now)
        case .leaving: keepForOwner(range, of: buffer, of: index)
        case .client, .connecting, .pending: preconditionFailure("is not read")
        }
    }

    /// Copies bytes from one side to the other's outbox.
    private mutating func pass(
        _ range: Range<Int>,
        of buffer: BufferIndex,
        from index: ConnectionIndex,
        at now: Now
    ) {
        let partner = connections[index].joining.partner
        guard partner != .none, connections[partner].phase == .open,
            connections.makeRoom(for: range.count, of: partner)
        else {
            // What cannot go on must not be left out.
            connections[index].ending = .atOnce
            return
        }
        Self.append(range, of: buffer, in: pool, to: &connections, partner)
        connections.markDirty(partner)
        let bytes = UInt64(truncatingIfNeeded: range.count)
        if connections[index].isOfPeer {
            connections.statistics.bytesJoinedToClients &+= bytes
        } else {
            connections.statistics.bytesJoinedToPeers &+= bytes
        }
        if server.limitsBandwidth { connections[index].joining.owed &+= range.count }
    }

    private static func append(
        _ range: Range<Int>,
        of buffer: BufferIndex,
        in pool: borrowing BufferPool,
        to connections: inout Connections,
        _ index: ConnectionIndex
    ) {
        connections.append(pool.bytes(buffer, range), to: index)
    }

    /// How many bytes may be taken in of a joined connection now, so that they fit the other's outbox.
    mutating func pieceLimit(of index: ConnectionIndex) -> Int {
        let partner = connections[index].joining.partner
        guard partner != .none, connections[partner].phase == .open else { return 0 }
        // The rest of a record may come out with what comes in.
        let rest =
            connections[index].isSealing ? Limits.chunkBytes - Limits.pieceBytes : 0
        return min(Limits.pieceBytes, max(0, connections.room(of: partner) - rest))
    }

    /// Takes bandwidth for what has passed; false when there is none now.
    mutating func payBandwidth(of index: ConnectionIndex, at now: Now) -> Bool {
        let joining = connections[index].joining
        guard joining.owed > 0, let peer = joining.peer else { return true }
        let part = min(joining.owed, TURN.Limits.datagramBytes)
        let toPeer = !connections[index].isOfPeer
        guard server.takeBandwidth(part, of: peer, toPeer: toPeer, at: now) else { return false }
        connections[index].joining.owed -= part
        return connections[index].joining.owed == 0
    }

    /// Notes that nothing more comes from a connection that is joined, or whose handshake waits for its turn.
    ///
    /// - Returns: false when it is neither.
    mutating func endInput(of index: ConnectionIndex) -> Bool {
        let connection = connections[index]
        if connection.isDeferred, connection.phase == .open {
            connections[index].joining.isInputOver = true
            return true
        }
        guard connection.role == .joined, connection.phase == .open,
            connection.joining.partner != .none
        else { return false }
        connections[index].joining.isInputOver = true
        connections.markDirty(connection.joining.partner)
        return true
    }

    /// Has a connection looked at in this pass that a peer, or another thread, has to do with.
    mutating func wake(_ index: ConnectionIndex) {
        switch connections[index].role {
        case .client, .connecting, .pending: break
        case .joined, .leaving:
            if connections[index].phase == .open { connections.markDirty(index) }
        }
    }
}

extension Connections {
    /// How many bytes fit behind what a connection has left to send.
    mutating func room(of index: ConnectionIndex) -> Int {
        guard makeRoom(for: 0, of: index) else { return 0 }
        let box = self[index].isSealing ? self[index].unsealed : self[index].outbox
        guard box.start > 0, !box.isSending else { return chunks.size - box.end }
        // Moved to the front now: what is counted on must not depend on a send that begins meanwhile.
        return makeRoom(for: chunks.size - box.count, of: index) ? chunks.size - box.count : 0
    }
}
