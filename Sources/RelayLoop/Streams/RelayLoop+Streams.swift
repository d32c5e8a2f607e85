/// Connections and the ring: accepted, received from, sent to, closed.

internal import IOURing
internal import STUN
internal import TLS
internal import TURN

extension RelayLoop {
    // MARK: Coming

    /// A listening socket gave a connection, an error, or its end.
    @inline(never)
    mutating func accepted(_ completion: Completion, at now: Now) {
        let file = completion.token.index
        if completion.result >= 0 {
            accepts.succeeded()
            welcome(Newcomer(descriptor: completion.result, file: file), at: now)
        }
        if completion.hasMore { return }
        if let error = completion.error, error != .canceled {
            receiveErrors &+= 1
            accepts.failed(file, error, at: now.monotonic.nanoseconds)
        } else {
            accepts.arm(file)
        }
    }

    /// Takes a connection in, in its turn.
    private mutating func welcome(_ newcomer: Newcomer, at now: Now) {
        if !memory.engine.connections.isFull && accepts.newcomerCount == 0 {
            takeIn(newcomer, at: now)
        } else if !accepts.append(newcomer) {
            refuse(newcomer)
        }
    }

    /// Takes in those that have waited for a place; where nobody makes room, they are refused.
    mutating func seatNewcomers(at now: Now) {
        while !memory.engine.connections.isFull, let newcomer = accepts.nextNewcomer() {
            takeIn(newcomer, at: now)
        }
        if memory.engine.connections.canMakeRoom { return }
        while let newcomer = accepts.nextNewcomer() { refuse(newcomer) }
    }

    private mutating func refuse(_ newcomer: Newcomer) {
        memory.engine.connections.statistics.refused &+= 1
        _ = StreamSocket(adopting: newcomer.descriptor)
    }

    /// Closes connections that the kernel accepted after the last completion was handled.
    mutating func refuseAccepted() {
        while let completion = memory.ring.nextCompletion() {
            if completion.result >= 0, isOfListener(completion.token) {
                _ = StreamSocket(adopting: completion.result)
            }
        }
    }

    /// Whether results of an operation are connections, of clients or of peers.
    private func isOfListener(_ token: Token) -> Bool {
        switch OperationKind(rawValue: token.kind) {
        case .accept: return true
        case .receive:
            guard case .relay(let relay) = files.endpoint(of: token.index) else { return false }
            return sockets.isListening(relay)
        case .send, .wake, .streamSend, .writable, nil: return false
        }
    }

    private mutating func takeIn(_ newcomer: Newcomer, at now: Now) {
        let descriptor = newcomer.descriptor
        let socket = StreamSocket(adopting: descriptor)
        // One that has gone again already has no address any more.
        guard let client = try? StreamSocket.peerAddress(of: descriptor) else { return }
        let fiveTuple = FiveTuple(
            client: TransportAddress(client),
            listener: ListenerIndex(rawValue: UInt16(truncatingIfNeeded: newcomer.file)),
            transport: .tcp
        )
        let place = memory.engine.connections.open(
            fiveTuple,
            descriptor: descriptor,
            isBehindProxy: configuration.connections.proxies.contains {
                $0.contains(fiveTuple.client.ip.canonical)
            },
            at: now.seconds
        )
        guard let index = place else { return }
        // From here on the connection owns the descriptor.
        _ = socket.release()
        do throws(Errno) {
            try memory.ring.register(file: descriptor, at: files.file(of: index))
            receives.arm(files.file(of: index))
        } catch {
            receiveErrors &+= 1
            memory.engine.connections.close(index, draining: false)
        }
    }

    /// Arms the accepts that wait for it.
    mutating func armAccepts(at now: Now) {
        while let file = accepts.next(at: now.monotonic.nanoseconds) {
            if case .relay = files.endpoint(of: file) {
                receives.arm(file)
                continue
            }
            let token = Token(kind: OperationKind.accept.rawValue, index: file)
            guard memory.ring.armAccept(file: file, token: token) else { return accepts.arm(file) }
        }
    }

    // MARK: Receiving

    /// A connection gave bytes, an error, or its end.
    mutating func streamReceived(
        _ completion: Completion,
        of index: ConnectionIndex,
        at now: Now
    ) {
        if let buffer = completion.buffer {
            lending.take()
            memory.engine.pool.received(buffer)
            let count = Int(max(0, completion.result))
            let before = memory.engine.statistics.datagramsFromClients
            memory.engine.receive(count, in: buffer, of: index, at: now, opener: &sockets)
            let messages = memory.engine.statistics.datagramsFromClients &- before
            streamWork += Int(messages) / Limits.messagesPerCompletion
        }
        if !completion.hasMore { streamEnded(completion, of: index, at: now) }
    }

    /// The receive of a connection has ended: with the stream, or for want of buffers.
    @inline(never)
    private mutating func streamEnded(
        _ completion: Completion,
        of index: ConnectionIndex,
        at now: Now
    ) {
        guard receives.isCurrent(completion.token) else { return }
        let file = completion.token.index
        receives.ended(file)
        if completion.error == .noBuffers { count(.noBuffers) }
        let isOver =
            completion.result == 0
            || completion.error.map { $0 != .noBuffers && $0 != .canceled } ?? false
        if isOver {
            if completion.result != 0 || !memory.engine.endInput(of: index) {
                let isDraining = completion.result == 0
                memory.engine.end(index, draining: isDraining, at: now, opener: &sockets)
            }
        } else if memory.engine.connections[index].phase == .open {
            readOn(index, file: file)
        }
        finishIfQuiet(index)
    }

    // MARK: Sending

    /// Puts the sends of connections that have something to say on the submission queue.
    mutating func prepareStreamSends(at now: Now) {
        while let index = memory.engine.connections.nextDirty() {
            memory.engine.seal(index)
            memory.engine.settleEnding(of: index, at: now, opener: &sockets)
            settleJoined(index, at: now)
            if !prepareStreamSend(of: index, at: now) {
                memory.engine.connections.markDirty(index)
                break
            }
            let connection = memory.engine.connections[index]
            if connection.unsealed.count > 0, connection.outbox.count == 0, !connection.isDirty {
                memory.engine.connections.stall(index)
            }
        }
        memory.engine.connections.resumeStalled()
    }

    /// - Returns: false when the queue takes no more now.
    private mutating func prepareStreamSend(of index: ConnectionIndex, at now: Now) -> Bool {
        let connection = memory.engine.connections[index]
        let outbox = connection.outbox
        if connection.phase == .free || connection.phase == .closing {
            finishIfQuiet(index)
            return true
        }
        if outbox.isSending || connection.isAwaitingRoom { return true }
        if outbox.count == 0 {
            if connection.role == .leaving { depart(index, at: now) }
            return true
        }
        // What waits for this one to be sent must not wait for something else to happen.
        let isAwaited =
            connection.role != .client || connection.phase == .draining
            || connection.unsealed.count > 0
        if !isAwaited { hasSentOnStreams = true }
        let isPrepared = memory.ring.prepareStreamSend(
            outbox.start..<outbox.end,
            of: outbox.chunk,
            in: &memory.engine.connections.chunks,
            file: files.file(of: index),
            token: Token(kind: OperationKind.streamSend.rawValue, index: index.rawValue),
            isAwaited: isAwaited
        )
        if isPrepared { memory.engine.connections.sending(index) }
        return isPrepared
    }

    /// The kernel took what fitted.
    mutating func streamSent(_ completion: Completion, at now: Now) {
        let index = ConnectionIndex(rawValue: completion.token.index)
        let isAll = memory.engine.connections.sent(Int(max(0, completion.result)), of: index)
        memory.engine.wake(index)
        if let error = completion.error, error != .tryAgain {
            memory.engine.end(index, draining: false, at: now, opener: &sockets)
        }
        let connection = memory.engine.connections[index]
        switch connection.phase {
        case .free: break
        case .open where connection.outbox.count > 0 && !isAll:
            awaitRoom(index)
            memory.engine.stalled(index, at: now)
        case .open where connection.outbox.count > 0,
            .draining where connection.outbox.count > 0 && isAll:
            memory.engine.connections.markDirty(index)
        case .open where connection.unsealed.count > 0:
            memory.engine.connections.markDirty(index)
        case .open: break
        case .draining: memory.engine.connections.close(index, draining: false)
        case .closing: finishIfQuiet(index)
        }
    }

    mutating func awaitRoom(_ index: ConnectionIndex) {
        let token = Token(kind: OperationKind.writable.rawValue, index: index.rawValue)
        if memory.ring.armWritable(file: files.file(of: index), token: token) {
            memory.engine.connections[index].isAwaitingRoom = true
        } else {
            memory.engine.connections.markDirty(index)
        }
    }

    /// A connection takes bytes again, or has ended, which the send will tell.
    mutating func becameWritable(_ completion: Completion, at now: Now) {
        let index = ConnectionIndex(rawValue: completion.token.index)
        memory.engine.connections[index].isAwaitingRoom = false
        if memory.engine.connections[index].role == .connecting {
            connectEnded(index, at: now)
        }
        memory.engine.goesOn(index)
        if memory.engine.connections[index].phase == .closing {
            finishIfQuiet(index)
        } else {
            memory.engine.connections.markDirty(index)
        }
    }

    // MARK: Going

    /// Ends what the kernel does for connections that are to be closed.
    mutating func settleConnections() {
        while let index = memory.engine.connections.nextClosing() {
            let connection = memory.engine.connections[index]
            // One that was quiet has gone already, and its descriptor may be another's.
            guard connection.phase == .closing else { continue }
            if connection.layer == .dtls {
                memory.engine.release(index)
            } else {
                StreamSocket.shutDown(connection.descriptor)
                finishIfQuiet(index)
            }
        }
    }

    /// Closes a connection of which the kernel holds nothing any more.
    mutating func finishIfQuiet(_ index: ConnectionIndex) {
        let connection = memory.engine.connections[index]
        let file = files.file(of: index)
        guard connection.phase == .closing, connection.isQuiet, !connection.isDirty,
            !receives.isArmed(file)
        else { return }
        do throws(Errno) { try memory.ring.unregister(at: file) } catch { receiveErrors &+= 1 }
        _ = StreamSocket(adopting: connection.descriptor)
        memory.engine.release(index)
    }
}

extension RelayEngine {
    /// Forgets a connection of which the kernel holds nothing any more.
    mutating func release(_ index: ConnectionIndex) {
        if connections[index].layer == .dtls { forgetClient(of: index) }
        security.sessions.discard(index.rawValue)
        connections.release(index)
    }

    /// Lets go strangers whose time is over, or who have to make room.
    mutating func expireConnections<Opener: RelayOpener & ~Copyable>(
        newcomers: Int,
        at now: Now,
        opener: inout Opener
    ) {
        for _ in 0..<Limits.departuresPerPass {
            guard let index = connections.nextToLeave(at: now.seconds, newcomers: newcomers) else {
                return
            }
            end(index, draining: false, at: now, opener: &opener)
        }
    }
}
