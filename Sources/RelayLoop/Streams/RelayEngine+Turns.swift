/// Handshakes over TCP that wait for their turn between two passes, so that datagrams do not wait for them.

internal import IOURing
internal import TLS
internal import TURN

extension RelayEngine {
    /// Whether a handshake may go on with these bytes now: in its turn, with nothing before them, and to begin with
    /// only once the first record is whole.
    func isReadyForStep(
        in buffer: BufferIndex,
        _ range: Range<Int>,
        of index: ConnectionIndex
    ) -> Bool {
        if connections[index].carry.place != .nowhere || !security.mayStep { return false }
        if security.sessions.isOpen(index.rawValue) { return true }
        return TLSSessions.recordCount(pool.bytes(buffer, range)).map { $0 <= range.count } ?? false
    }

    /// Keeps ciphertext of a handshake; once its first record is whole it waits for its turn.
    mutating func keepForStep(
        in buffer: BufferIndex,
        _ range: Range<Int>,
        of index: ConnectionIndex
    ) {
        let kept = connections[index].carry.count + range.count
        guard carry(range, of: buffer, ofMessage: kept, for: index) else {
            connections.statistics.broken &+= 1
            connections[index].ending = .atOnce
            return
        }
        let first = TLSSessions.recordCount(connections.carried(index)) ?? kept + 1
        if first > Limits.smallCarryBytes, !security.sessions.isOpen(index.rawValue) {
            // Nobody says hello at such length.
            connections.statistics.broken &+= 1
            connections[index].ending = .atOnce
            return
        }
        let isWhole = security.sessions.isOpen(index.rawValue) || first <= kept
        if connections[index].isDeferred || !isWhole { return }
        if hasDeferredHandshakes { security.delayed &+= 1 }
        guard security.deferred.append(index) else {
            connections[index].ending = .atOnce
            return
        }
        connections[index].isDeferred = true
    }

    /// Whether a handshake waits, so that the next pass must not.
    var hasDeferredHandshakes: Bool { !security.deferred.isEmpty }

    /// Does a step of the handshake that has waited for longest.
    ///
    /// - Returns: false when none waits, or there is no buffer for it.
    mutating func resumeHandshake<Opener: RelayOpener & ~Copyable>(
        at now: Now,
        opener: inout Opener
    ) -> Bool {
        while pool.freeCount > 0, let index = security.deferred.takeFirst() {
            // Its place may be another's by now.
            guard connections[index].isDeferred, let buffer = pool.take() else { continue }
            security.mayStep = true
            resume(index, in: buffer, at: now, opener: &opener)
            security.mayStep = false
            return true
        }
        return false
    }

    private mutating func resume<Opener: RelayOpener & ~Copyable>(
        _ index: ConnectionIndex,
        in buffer: BufferIndex,
        at now: Now,
        opener: inout Opener
    ) {
        connections[index].isDeferred = false
        let count = min(connections[index].carry.count, pool.size)
        if count < connections[index].carry.count { connections[index].ending = .atOnce }
        Self.copy(index, from: connections, to: &pool, buffer, count)
        connections.releaseCarry(of: index)
        receive(count, in: buffer, of: index, at: now, opener: &opener)
        settleEnding(of: index, at: now, opener: &opener)
        guard connections[index].joining.isInputOver, connections[index].phase == .open else {
            return
        }
        // Its end came while it waited.
        connections[index].joining.isInputOver = false
        if !endInput(of: index) { end(index, draining: true, at: now, opener: &opener) }
    }
}
