/// Completions of receives, and what keeps them armed.

internal import IOURing
internal import STUN
internal import TURN

extension RelayLoop {
    /// A receive gave a buffer, an error, or its end.
    mutating func received(_ completion: Completion, at now: Now) {
        let file = completion.token.index
        let endpoint = files.endpoint(of: file)
        switch endpoint {
        case .connection(let connection):
            memory.engine.forgetPrecedent()
            return streamReceived(completion, of: connection, at: now)
        case .relay(let relay) where sockets.isListening(relay):
            memory.engine.forgetPrecedent()
            return peerAccepted(completion, on: relay, at: now)
        case .relay, .listener: break
        }
        if let buffer = completion.buffer {
            lending.take()
            memory.engine.pool.received(buffer)
            handle(buffer, byteCount: Int(completion.result), from: endpoint, at: now)
        } else if let error = completion.error {
            receiveFailed(error, file: file)
        }
        if !completion.hasMore { receiveEnded(completion.token) }
    }

    /// A receive has ended: arms it again, or finishes the close; rare, so it stays out of line.
    @inline(never)
    mutating func receiveEnded(_ token: Token) {
        if !receives.isCurrent(token) { return }
        let file = token.index
        receives.ended(file)
        switch files.endpoint(of: file) {
        case .relay(let relay) where !sockets.isOpen(relay):
            // One that was closed in this very pass is seen to when the sockets are settled.
            if !sockets.closing.contains(relay) { receiveEnded(of: relay) }
        case .relay, .listener, .connection: receives.rearm(file)
        }
    }

    private mutating func handle(
        _ buffer: BufferIndex,
        byteCount: Int,
        from endpoint: Endpoint,
        at now: Now
    ) {
        guard
            let datagram = memory.engine.pool.datagram(in: buffer, byteCount: byteCount),
            !datagram.isTruncated
        else { return memory.engine.dropTruncated(buffer) }
        let received = ReceivedBuffer(
            buffer: buffer,
            source: TransportAddress(datagram.source),
            offset: datagram.payloadOffset,
            count: datagram.payloadCount,
            segmentSize: datagram.segmentSize,
            trafficClass: datagram.trafficClass
        )
        switch endpoint {
        case .listener(let listener):
            memory.engine.receive(received, on: listener, at: now, opener: &sockets)
        case .relay(let relay):
            memory.engine.receive(received, on: relay, at: now)
        case .connection: break
        }
    }

    mutating func count(_ errno: Errno) {
        if errno == .noBuffers {
            buffersExhausted &+= 1
            lending.ranOut()
        } else if errno != .canceled {
            receiveErrors &+= 1
        }
    }

    /// Lends the kernel free buffers up to its share; the rest serves answers.
    mutating func lendBuffers() {
        lending.endPass()
        while lending.isShort, memory.engine.pool.freeCount > Limits.keptBuffers,
            let buffer = memory.engine.pool.take()
        {
            memory.bufferRing.add(buffer, pool: &memory.engine.pool)
            lending.lend()
        }
        memory.bufferRing.publish()
    }

    /// Arms the receives that wait for it, as long as there are buffers to fill.
    mutating func armReceives(at now: Now) {
        while lending.lent > 0, let file = receives.nextWaiting() {
            if receives.isArmed(file) || isClosing(file) || isHeld(file, at: now) { continue }
            guard armReceive(file) else { return receives.arm(file) }
            receives.armed(file)
        }
    }

    private mutating func armReceive(_ file: UInt32) -> Bool {
        let token = receives.token(of: file)
        return switch files.endpoint(of: file) {
        case .relay(let relay) where sockets.isListening(relay):
            memory.ring.armAccept(file: file, token: token)
        case .listener, .relay: memory.ring.armReceive(file: file, token: token)
        case .connection(let index): armStreamReceive(of: index, file: file, token: token)
        }
    }

    private func isClosing(_ file: UInt32) -> Bool {
        switch files.endpoint(of: file) {
        case .listener: false
        case .relay(let relay): !sockets.isOpen(relay)
        case .connection(let index): memory.engine.connections[index].phase != .open
        }
    }
}

extension RelayEngine {
    /// Drops a datagram that did not fit its buffer.
    mutating func dropTruncated(_ buffer: BufferIndex) {
        statistics.dropsTruncated &+= 1
        release(buffer)
    }
}
