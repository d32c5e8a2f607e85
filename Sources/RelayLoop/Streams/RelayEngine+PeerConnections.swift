/// Connections with peers: made for a Connect request or by a peer, and ended (RFC 6062 5.2, 5.3, 5.5).

internal import IOURing
internal import STUN
internal import TURN

extension RelayEngine {
    // MARK: Coming

    /// Begins to connect to a peer; what cannot begin has failed.
    mutating func connect<Opener: RelayOpener & ~Copyable>(
        _ request: ConnectRequest,
        at now: Now,
        opener: inout Opener
    ) {
        if !begin(request, opener: &opener) {
            finishConnect(request.connection, isConnected: false, at: now)
        }
    }

    private mutating func begin<Opener: RelayOpener & ~Copyable>(
        _ request: ConnectRequest,
        opener: inout Opener
    ) -> Bool {
        let peer = request.peer
        if request.isOwnRelayAddress,
            !opener.isLive(stream: peer)
        {
            statistics.dropsNotLiveRelayedPort &+= 1
            return false
        }
        guard connections.hasRoomForPeer else {
            connections.statistics.peersRefused &+= 1
            return false
        }
        guard let descriptor = opener.connect(from: request.relay, to: peer) else { return false }
        let index = connections.openPeer(
            request.connection,
            at: peer,
            descriptor: descriptor,
            .connecting
        )
        assert(index != nil, "room was checked")
        return index != nil
    }

    /// Tells server and client what became of a connect; a connection that nobody wants is closed.
    mutating func finishConnect(_ peer: PeerConnection, isConnected: Bool, at now: Now) {
        let verdict = Self.connectFinished(
            &server,
            peer,
            isConnected: isConnected,
            at: now,
            scratch: &replies.scratch
        )
        let index = connections.index(of: peer)
        switch verdict {
        case .pending(_, let client, let count):
            if let index { connections[index].role = .pending }
            reply(count: count, to: client)
        case .failed(let client, let count):
            if let index { closeBoth(index) }
            reply(count: count, to: client)
        case .drop:
            if let index { closeBoth(index) }
        }
    }

    /// Takes in a connection that a peer made to a relayed address.
    ///
    /// - Returns: false when nobody wants it; its descriptor stays the caller's then.
    mutating func accept(
        _ descriptor: Int32,
        from peer: TransportAddress,
        on relay: RelayIndex,
        at now: Now
    ) -> Bool {
        guard connections.hasRoomForPeer else {
            connections.statistics.peersRefused &+= 1
            return false
        }
        let verdict = Self.accepted(
            &server,
            fromPeer: peer,
            on: relay,
            at: now,
            scratch: &replies.scratch
        )
        guard case .pending(let connection, let client, let count) = verdict,
            connections.openPeer(connection, at: peer, descriptor: descriptor, .pending) != nil
        else { return false }
        reply(count: count, to: client)
        return true
    }

    private static func connectFinished(
        _ server: inout TURNServer,
        _ peer: PeerConnection,
        isConnected: Bool,
        at now: Now,
        scratch: inout ReplyWriter.Scratch
    ) -> PeerConnectionVerdict {
        var span = scratch.mutableSpan
        // Any bits are a valid UInt8.
        var reply = unsafe span.mutableBytes
        return server.connectFinished(peer, isConnected: isConnected, at: now, reply: &reply)
    }

    private static func accepted(
        _ server: inout TURNServer,
        fromPeer peer: TransportAddress,
        on relay: RelayIndex,
        at now: Now,
        scratch: inout ReplyWriter.Scratch
    ) -> PeerConnectionVerdict {
        var span = scratch.mutableSpan
        // Any bits are a valid UInt8.
        var reply = unsafe span.mutableBytes
        return server.accepted(fromPeer: peer, on: relay, at: now, reply: &reply)
    }

    // MARK: Going

    /// Ends a peer's connection in whatever state, and the client's that is joined to it.
    mutating func disconnect(_ peer: PeerConnection) {
        if let index = connections.index(of: peer) { closeBoth(index) }
    }

    /// Ends a connection and the one that is joined to it; what they have left to say leaves as far as it can at once.
    mutating func closeBoth(_ index: ConnectionIndex) {
        part(index)
        if connections[index].phase == .open { closeSession(index) }
        connections.close(index, draining: true)
    }

    /// Ends what a connection has to do with a peer, before it ends itself: the server forgets it, the partner goes too.
    mutating func part(_ index: ConnectionIndex) {
        let partner = connections[index].joining.partner
        if let peer = connections[index].joining.peer {
            server.peerConnectionEnded(peer)
        } else if partner == .none {
            return
        }
        connections[index].joining = Joining()
        guard partner != .none else { return }
        connections[partner].joining = Joining()
        if connections[partner].phase == .open { closeSession(partner) }
        connections.close(partner, draining: true)
    }
}
