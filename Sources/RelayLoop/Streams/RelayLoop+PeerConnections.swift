/// Connections with peers and the ring: made, accepted, joined, read no faster than they can be passed on.

internal import IOURing
internal import STUN
internal import TURN

extension RelayLoop {
    // MARK: Coming

    /// A relayed TCP address gave a connection, an error, or its end (RFC 6062 5.3).
    @inline(never)
    mutating func peerAccepted(_ completion: Completion, on relay: RelayIndex, at now: Now) {
        if completion.result >= 0 {
            accepts.succeeded()
            takeIn(completion.result, on: relay, at: now)
        }
        if completion.hasMore { return }
        let token = completion.token
        if let error = completion.error, error != .canceled, receives.isCurrent(token),
            sockets.isOpen(relay)
        {
            receiveErrors &+= 1
            receives.ended(token.index)
            accepts.failed(token.index, error, at: now.monotonic.nanoseconds)
        } else {
            receiveEnded(token)
        }
    }

    private mutating func takeIn(_ descriptor: Int32, on relay: RelayIndex, at now: Now) {
        let socket = StreamSocket(adopting: descriptor)
        guard sockets.isOpen(relay), let peer = try? StreamSocket.peerAddress(of: descriptor)
        else { return }
        let isWanted = memory.engine.accept(
            descriptor,
            from: TransportAddress(peer),
            on: relay,
            at: now
        )
        // From here on the connection owns the descriptor.
        if isWanted { _ = socket.release() }
    }

    /// Makes the connections with peers of this pass known to the ring, and waits for those that are being made.
    mutating func settlePeers(at now: Now) {
        while let index = memory.engine.connections.peers.nextArriving() {
            let connection = memory.engine.connections[index]
            guard connection.phase != .free,
                connection.joining.peer != nil || connection.isOfWebServer
            else { continue }
            do throws(Errno) {
                try memory.ring.register(
                    file: connection.descriptor,
                    at: files.file(of: index)
                )
            } catch {
                receiveErrors &+= 1
                memory.engine.closeBoth(index)
                continue
            }
            if connection.role == .connecting, connection.phase == .open {
                awaitRoom(index)
                if !memory.engine.connections[index].isAwaitingRoom {
                    finishConnect(index, isConnected: false, at: now)
                }
            }
        }
    }

    /// A peer has taken the connection, or has not (RFC 6062 5.2).
    @inline(never)
    mutating func connectEnded(_ index: ConnectionIndex, at now: Now) {
        let connection = memory.engine.connections[index]
        guard connection.phase == .open else { return }
        let isConnected = StreamSocket.error(of: connection.descriptor) == nil
        finishConnect(index, isConnected: isConnected, at: now)
    }

    private mutating func finishConnect(
        _ index: ConnectionIndex,
        isConnected: Bool,
        at now: Now
    ) {
        if let peer = memory.engine.connections[index].joining.peer {
            memory.engine.finishConnect(peer, isConnected: isConnected, at: now)
        } else {
            memory.engine.webServerAnswered(index, isConnected: isConnected)
        }
    }

    // MARK: Reading

    /// Arms the receive of a connection: for all that comes, or for a piece that is sure to find a place.
    mutating func armStreamReceive(
        of index: ConnectionIndex,
        file: UInt32,
        token: Token
    ) -> Bool {
        let connection = memory.engine.connections[index]
        let limit: Int
        if connection.role == .joined {
            limit = memory.engine.pieceLimit(of: index)
        } else if memory.engine.connections.limits.joins && !connection.hasAllocation {
            // It may ask to be joined, or belong to another thread: nothing must be read ahead then.
            limit = Limits.strangerBytes
        } else {
            memory.engine.connections[index].receivesOn = true
            return memory.ring.armStreamReceive(file: file, token: token)
        }
        memory.engine.connections[index].receivesOn = false
        return memory.ring.prepareStreamReceive(file: file, limit: limit, token: token)
    }

    /// Whether a file is not to be read now; it is armed again when that changes.
    mutating func isHeld(_ file: UInt32, at now: Now) -> Bool {
        guard case .connection(let index) = files.endpoint(of: file) else { return false }
        let connection = memory.engine.connections[index]
        switch connection.role {
        case .client: return false
        case .leaving, .connecting, .pending: return true
        case .joined: break
        }
        if connection.joining.isInputOver || connection.joining.partner == .none { return true }
        if !memory.engine.payBandwidth(of: index, at: now) {
            throttle(file, at: now)
            return true
        }
        let isHeld = memory.engine.pieceLimit(of: index) < Limits.leastPieceBytes
        memory.engine.connections[index].joining.isHeld = isHeld
        return isHeld
    }

    private mutating func throttle(_ file: UInt32, at now: Now) {
        if throttled.isEmpty {
            throttledUntil = now.monotonic.nanoseconds &+ Limits.bandwidthPauseNanoseconds
        }
        throttled.append(file)
    }

    /// Looks again at connections that their bandwidth has stopped.
    mutating func resumeThrottled(at now: Now) {
        guard !throttled.isEmpty, now.monotonic.nanoseconds >= throttledUntil else { return }
        for file in throttled { receives.arm(file) }
        throttled.removeAll(keepingCapacity: true)
    }

    /// Goes on with a connection whose receive has ended.
    mutating func readOn(_ index: ConnectionIndex, file: UInt32) {
        let connection = memory.engine.connections[index]
        switch connection.role {
        case .client where connection.receivesOn: receives.rearm(file)
        case .client, .joined: receives.arm(file)
        case .leaving: memory.engine.wake(index)
        case .connecting, .pending: break
        }
    }

    // MARK: Passing on

    /// Goes on with the other side of a joined connection now that more fits this one, and passes the end on.
    ///
    /// Each direction ends by itself; but under TLS, which cannot be half closed as it is used here, the peer's end is
    /// the end of both.
    mutating func settleJoined(_ index: ConnectionIndex, at now: Now) {
        let connection = memory.engine.connections[index]
        let partner = connection.joining.partner
        guard connection.role == .joined, connection.phase == .open, partner != .none else {
            return
        }
        let other = memory.engine.connections[partner].joining
        if other.isHeld {
            memory.engine.connections[partner].joining.isHeld = false
            receives.arm(files.file(of: partner))
        }
        guard other.isInputOver, connection.isEmpty else { return }
        if !connection.isSealing, !connection.joining.isOutputOver {
            StreamSocket.endSending(connection.descriptor)
            memory.engine.connections[index].joining.isOutputOver = true
            memory.engine.stalled(index, at: now)
        }
        if connection.isSealing || other.isOutputOver { memory.engine.closeBoth(index) }
    }
}
