/// Connections to and from peers (RFC 6062 5.2, 5.3).
public import STUN

extension TURNServer {
    /// Which relayed transports the client of a request may ask for.
    func relayTransports(for request: Request) -> RelayTransports {
        RelayTransports(
            relaysTCP: configuration.relaysTCP,
            isStream: request.fiveTuple.transport.isStream
        )
    }

    /// Checks a Connect request in the steps of RFC 6062 5.2, and has the connection made.
    mutating func connect(
        _ message: borrowing Message,
        _ request: Request,
        _ reply: inout MutableRawSpan
    ) -> Verdict {
        let slot: Slot<Allocation>
        switch ownedAllocation(request) {
        case .refused(let code): return refuse(request, code, &reply)
        case .found(let found): slot = found
        }
        let allocation = table.allocations[slot]
        // There is an allocation, and none that could connect.
        guard allocation.transport == .tcp else {
            return refuse(request, .allocationMismatch, &reply)
        }
        guard let attribute = message.first(.xorPeerAddress),
            let written = message.xorAddress(attribute), written.port != 0
        else { return refuse(request, .badRequest, &reply) }
        if let code = peerError(written.ip, slot) {
            return refuse(request, code, &reply)
        }
        let peer = TransportAddress(ip: own.canonical(written.ip), port: written.port)
        guard table.tcpConnection(of: slot, with: peer) == nil else {
            return refuse(request, .connectionAlreadyExists, &reply)
        }
        guard table.hasRoomForTCPConnection(in: slot) else {
            return refuse(request, .insufficientCapacity, &reply)
        }
        return startConnection(to: peer, from: slot, for: request)
    }

    /// Enters the connection into the tables, with what its answer will need.
    private mutating func startConnection(
        to peer: TransportAddress,
        from allocation: Slot<Allocation>,
        for request: Request
    ) -> Verdict {
        let connection = table.addTCPConnection(
            table.tcp.unusedID(&random),
            with: peer,
            of: allocation,
            .connecting(
                PendingConnect(
                    transactionID: request.transactionID,
                    hasFingerprint: request.hasFingerprint,
                    identity: request.identity
                )
            ),
            until: request.now.monotonic.advanced(bySeconds: Limits.connectSeconds)
        )
        return .connect(
            ConnectRequest(
                connection: connection,
                relay: table.allocations[allocation][peer.ip.family].index,
                peer: peer,
                isOwnRelayAddress: own.isRestrictedToRelays(peer.ip)
            )
        )
    }

    /// Ends a Connect request: the peer has taken the connection, or has not.
    ///
    /// Called once for each `.connect`, unless `.disconnect` has come in between; then a call is harmless.
    public mutating func connectFinished(
        _ connection: PeerConnection,
        isConnected: Bool,
        at now: Now,
        reply: inout MutableRawSpan
    ) -> PeerConnectionVerdict {
        guard let slot = table.tcp.slot(of: connection) else { return drop(.staleConnection) }
        let waiting: PendingConnect
        let isInTime: Bool
        switch table.tcp.pool[slot].state {
        case .connecting(let pending): (waiting, isInTime) = (pending, true)
        case .givenUp(let pending): (waiting, isInTime) = (pending, false)
        case .pending, .bound: return drop(.staleConnection)
        }
        let fiveTuple = table.allocations[table.tcp.pool[slot].allocation].fiveTuple
        let request = Request(
            fiveTuple: fiveTuple,
            now: now,
            method: .connect,
            transactionID: waiting.transactionID,
            hasFingerprint: waiting.hasFingerprint,
            identity: waiting.identity
        )
        guard isConnected && isInTime else {
            table.removeTCPConnection(slot)
            let verdict = refuse(request, .connectionTimeoutOrFailure, &reply)
            return .failed(client: fiveTuple, count: count(of: verdict))
        }
        table.tcp.pool[slot].state = .pending
        table.tcp.deadlines.set(
            slot.index,
            to: now.monotonic.advanced(bySeconds: Limits.connectionBindSeconds)
        )
        let verdict = confirm(connection.id, request, &reply)
        return .pending(connection, client: fiveTuple, count: count(of: verdict))
    }

    /// Judges a connection that a peer has made to a relayed address (RFC 6062 5.3).
    public mutating func accepted(
        fromPeer peer: TransportAddress,
        on relay: RelayIndex,
        at now: Now,
        reply: inout MutableRawSpan
    ) -> PeerConnectionVerdict {
        let canonical = own.canonical(peer.ip)
        let source = TransportAddress(ip: canonical, port: peer.port)
        guard let slot = table.byRelay[relay],
            table.allocations[slot].expiry > now.monotonic
        else { return drop(.noAllocation) }
        guard table.allocations[slot].transport == .tcp else { return drop(.wrongTransport) }
        guard let permission = table.permission(of: slot, for: canonical),
            table.isLive(permission, at: now.monotonic)
        else { return drop(.noPermission) }
        guard table.hasRoomForTCPConnection(in: slot) else { return drop(.connectionLimit) }
        let connection = table.addTCPConnection(
            table.tcp.unusedID(&random),
            with: source,
            of: slot,
            .pending,
            until: now.monotonic.advanced(bySeconds: Limits.connectionBindSeconds)
        )
        let told = TransportAddress(ip: own.external(canonical), port: peer.port)
        let count = writeConnectionAttempt(connection.id, told, &reply)
        return .pending(
            connection,
            client: table.allocations[slot].fiveTuple,
            count: count
        )
    }

    /// The ConnectionAttempt indication, unsigned as all indications are (RFC 6062 5.3).
    private mutating func writeConnectionAttempt(
        _ id: ConnectionID,
        _ peer: TransportAddress,
        _ reply: inout MutableRawSpan
    ) -> Int {
        var writer = MessageWriter(
            into: &reply,
            type: MessageType(.connectionAttempt, .indication),
            transactionID: nextTransactionID()
        )
        writer.append(.connectionID, uint32: id.rawValue)
        writer.append(.xorPeerAddress, xorAddress: peer)
        guard let count = writer.finish() else { preconditionFailure("a reply has 1500 bytes") }
        return count
    }

    /// The success response to Connect.
    private mutating func confirm(
        _ id: ConnectionID,
        _ request: Request,
        _ reply: inout MutableRawSpan
    ) -> Verdict {
        var writer = MessageWriter(
            into: &reply,
            type: MessageType(request.method, .success),
            transactionID: request.transactionID
        )
        writer.append(.connectionID, uint32: id.rawValue)
        counters.successes &+= 1
        return conclude(writer, request)
    }

    /// The bytes of an answer; 0, counted, if it did not fit.
    private mutating func count(of verdict: Verdict) -> Int {
        guard case .reply(let count) = verdict else {
            counters.count(DropReason.replyOverflow)
            return 0
        }
        return count
    }

    private mutating func drop(_ reason: DropReason) -> PeerConnectionVerdict {
        counters.count(reason)
        return .drop(reason)
    }
}
