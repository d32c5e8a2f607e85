/// Streams from clients: messages are cut out of the bytes, wherever the pieces end.

internal import IOURing
internal import STUN
internal import TLS
internal import TURN

extension RelayEngine {
    /// Handles bytes of a client's stream, which lie at the front of a buffer held by this pass.
    mutating func receive<Opener: RelayOpener & ~Copyable>(
        _ byteCount: Int,
        in buffer: BufferIndex,
        of index: ConnectionIndex,
        at now: Now,
        opener: inout Opener
    ) {
        if byteCount > 0, connections[index].phase == .open, connections[index].ending == .no {
            let wasHeard = receive(in: buffer, 0..<byteCount, of: index, at: now, opener: &opener)
            if wasHeard { heard(index, at: now) }
            settleEnding(of: index, at: now, opener: &opener)
            wake(index)
        }
        release(buffer)
    }

    private mutating func receive<Opener: RelayOpener & ~Copyable>(
        in buffer: BufferIndex,
        _ range: Range<Int>,
        of index: ConnectionIndex,
        at now: Now,
        opener: inout Opener
    ) -> Bool {
        var range = range
        if connections[index].isBehindProxy {
            guard let start = receiveProxyHeader(in: buffer, range, of: index) else { return false }
            range = start..<range.upperBound
        }
        if range.isEmpty { return false }
        if connections[index].layer == .undecided {
            decide(index, by: buffer, at: range.lowerBound)
        }
        return connections[index].layer == .tls
            ? receiveRecords(in: buffer, range, of: index, at: now, opener: &opener)
            : receivePlaintext(in: buffer, range, of: index, at: now, opener: &opener)
    }

    /// Takes the first byte for what the stream is: a TLS handshake begins with 22 (RFC 7983), no message does.
    private mutating func decide(
        _ index: ConnectionIndex,
        by buffer: BufferIndex,
        at offset: Int
    ) {
        let isHandshake =
            pool.bytes(buffer, offset..<(offset + 1)).firstByte == Limits.handshakeByte
        guard isHandshake, security.stream != nil else {
            connections[index].layer = .plain
            return
        }
        connections[index].layer = .tls
        connections[index].fiveTuple.transport = .tls
    }

    /// Ends a connection if something that happened asked for it.
    mutating func settleEnding<Opener: RelayOpener & ~Copyable>(
        of index: ConnectionIndex,
        at now: Now,
        opener: inout Opener
    ) {
        switch connections[index].ending {
        case .no: break
        case .afterSending: end(index, draining: true, at: now, opener: &opener)
        case .atOnce: end(index, draining: false, at: now, opener: &opener)
        }
    }

    /// Handles whole messages where they lie, and keeps the beginning of the last.
    ///
    /// - Returns: whether there was a message.
    mutating func receiveMessages<Opener: RelayOpener & ~Copyable>(
        in buffer: BufferIndex,
        _ range: Range<Int>,
        of index: ConnectionIndex,
        at now: Now,
        opener: inout Opener
    ) -> Bool {
        var offset = range.lowerBound
        var wasHeard = false
        if connections[index].role != .client {
            takeRaw(range, of: buffer, from: index, at: now)
            return false
        }
        if connections[index].carry.place != .nowhere {
            offset = completeCarry(in: buffer, range, of: index)
            wasHeard = handleCarry(of: index, at: now, opener: &opener)
        }
        while offset < range.upperBound, connections[index].ending == .no {
            let rest = offset..<range.upperBound
            guard connections[index].role == .client else {
                takeRaw(rest, of: buffer, from: index, at: now)
                break
            }
            guard case .bytes(let count) = front(of: buffer, rest), count <= rest.count else {
                keep(rest, of: buffer, for: index)
                break
            }
            if leaves(index, for: buffer, offset..<(offset &+ count)) { continue }
            let message = ClientMessage(
                fiveTuple: connections[index].fiveTuple,
                buffer: buffer,
                offset: offset,
                count: count
            )
            let run = MessageRun(stride: count, end: range.upperBound)
            let times = handle(message, in: run, at: now, opener: &opener)
            statistics.datagramsFromClients &+= UInt64(truncatingIfNeeded: times)
            offset &+= times &* count
            wasHeard = true
        }
        statistics.bytesFromClients &+= UInt64(truncatingIfNeeded: range.count)
        return wasHeard
    }

    /// Adds to the beginning of a message what belongs to it.
    ///
    /// - Returns: where the bytes go on.
    private mutating func completeCarry(
        in buffer: BufferIndex,
        _ range: Range<Int>,
        of index: ConnectionIndex
    ) -> Int {
        var offset = range.lowerBound
        while offset < range.upperBound {
            let have = connections[index].carry.count
            let front = carriedFront(of: index)
            let want: Int
            switch front {
            case .unknown: want = Limits.messageHeaderBytes - have
            case .bytes(let count): want = count - have
            case .none: want = 0
            }
            if want <= 0 { return offset }
            let piece = offset..<min(offset &+ want, range.upperBound)
            guard carry(piece, of: buffer, ofMessage: have + want, for: index) else {
                breakOff(index)
                return range.upperBound
            }
            offset = piece.upperBound
        }
        return offset
    }

    /// Handles the message that has been kept, if it is whole now.
    private mutating func handleCarry<Opener: RelayOpener & ~Copyable>(
        of index: ConnectionIndex,
        at now: Now,
        opener: inout Opener
    ) -> Bool {
        let count = connections[index].carry.count
        switch carriedFront(of: index) {
        case .unknown: return false
        case .bytes(let whole) where whole > count: return false
        case .none:
            breakOff(index)
            return false
        case .bytes: break
        }
        if leavesForCarried(index) { return true }
        defer { connections.releaseCarry(of: index) }
        guard count <= pool.size, let buffer = pool.take() else {
            statistics.dropsTruncated &+= 1
            return false
        }
        Self.copy(index, from: connections, to: &pool, buffer, count)
        let message = ClientMessage(
            fiveTuple: connections[index].fiveTuple,
            buffer: buffer,
            offset: 0,
            count: count
        )
        statistics.datagramsFromClients &+= 1
        _ = handle(message, in: MessageRun(stride: count, end: count), at: now, opener: &opener)
        release(buffer)
        return true
    }

    /// Keeps the beginning of a message, or ends the connection when none begins there.
    private mutating func keep(
        _ range: Range<Int>,
        of buffer: BufferIndex,
        for index: ConnectionIndex
    ) {
        let count: Int
        switch front(of: buffer, range) {
        case .unknown: count = Limits.messageHeaderBytes
        case .bytes(let bytes): count = bytes
        case .none: return breakOff(index)
        }
        if !carry(range, of: buffer, ofMessage: count, for: index) { breakOff(index) }
    }

    mutating func carry(
        _ range: Range<Int>,
        of buffer: BufferIndex,
        ofMessage count: Int,
        for index: ConnectionIndex
    ) -> Bool {
        Self.carry(range, of: buffer, in: pool, ofMessage: count, to: &connections, index)
    }

    private static func carry(
        _ range: Range<Int>,
        of buffer: BufferIndex,
        in pool: borrowing BufferPool,
        ofMessage count: Int,
        to connections: inout Connections,
        _ index: ConnectionIndex
    ) -> Bool {
        connections.carry(pool.bytes(buffer, range), ofMessage: count, for: index)
    }

    static func copy(
        _ index: ConnectionIndex,
        from connections: borrowing Connections,
        to pool: inout BufferPool,
        _ buffer: BufferIndex,
        _ count: Int
    ) {
        pool.write(connections.carried(index).extracting(first: count), to: buffer, at: 0)
    }

    private func front(of buffer: BufferIndex, _ range: Range<Int>) -> StreamMessage {
        StreamMessage(front: pool.bytes(buffer, range), rfc5766Channels: server.rfc5766Channels)
    }

    private func carriedFront(of index: ConnectionIndex) -> StreamMessage {
        StreamMessage(
            front: connections.carried(index),
            rfc5766Channels: server.rfc5766Channels
        )
    }

    /// Notes that a client said something, and whether it owns an allocation now.
    mutating func heard(_ index: ConnectionIndex, at now: Now) {
        let connection = connections[index]
        guard connection.phase == .open, connection.role == .client else { return }
        let hasAllocation = server.hasAllocation(connection.fiveTuple)
        if hasAllocation && connection.hasAllocation { return }
        connections.heard(index, hasAllocation: hasAllocation, at: now.seconds)
    }

    /// Ends a connection on which no message begins where one has to.
    mutating func breakOff(_ index: ConnectionIndex) {
        connections.statistics.broken &+= 1
        connections[index].ending = .afterSending
    }

    /// Ends what belonged to a connection; it closes when it has said what it has left to say.
    mutating func end<Opener: RelayOpener & ~Copyable>(
        _ index: ConnectionIndex,
        draining: Bool,
        at now: Now,
        opener: inout Opener
    ) {
        connections[index].ending = .no
        if draining && connections[index].phase == .open { closeSession(index) }
        connections[index].ending = .no
        part(index)
        connections.close(index, draining: draining)
        server.connectionEnded(connections[index].fiveTuple)
        drainCommands(at: now, opener: &opener)
    }
}
