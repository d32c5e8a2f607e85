/// DTLS (RFC 7350): datagrams of a listening socket that are records, and messages that leave as records.

internal import IOURing
internal import STUN
internal import TLS
internal import TURN

extension RelayEngine {
    /// Whether a datagram from a client is for DTLS (RFC 7983).
    func isForDTLS(_ message: ClientMessage) -> Bool {
        guard security.datagram != nil, message.count > 0 else { return false }
        let first = pool.bytes(message.buffer, message.offset..<(message.offset &+ 1)).firstByte
        return first.map { 20...63 ~= $0 } ?? false
    }

    /// Handles a datagram that is for DTLS: of a session, or of a stranger who has to prove its address first.
    @inline(never)
    mutating func receiveDTLS<Opener: RelayOpener & ~Copyable>(
        _ message: ClientMessage,
        at now: Now,
        opener: inout Opener
    ) {
        let range = message.offset..<(message.offset &+ message.count)
        if TLSSessions.isClientHello(pool.bytes(message.buffer, range)) {
            return receiveHello(message, range, at: now, opener: &opener)
        }
        guard let index = security.clients.value(of: message.fiveTuple) else { return }
        if !security.sessions.isHandshaking(index.rawValue) || takeStep() {
            receiveRecord(message.buffer, range, of: index, at: now, opener: &opener)
        }
        if connections[index].successor != .none {
            receiveForSuccessor(of: index, message.buffer, range, at: now, opener: &opener)
        }
    }

    /// Feeds a session, handles the messages that come out, and sends what it has to say.
    mutating func receiveRecord<Opener: RelayOpener & ~Copyable>(
        _ buffer: BufferIndex,
        _ range: Range<Int>,
        of index: ConnectionIndex,
        at now: Now,
        opener: inout Opener
    ) {
        guard connections[index].phase == .open else { return }
        var rest = range
        var isUnfinished = true
        while isUnfinished, let target = pool.take() {
            let wasHandshaking = security.sessions.isHandshaking(index.rawValue)
            let progress = step(buffer, rest, into: target, index)
            if wasHandshaking && !security.sessions.isHandshaking(index.rawValue) {
                security.handshakes &+= 1
                replacePredecessor(by: index, at: now, opener: &opener)
            }
            rest = (rest.lowerBound + progress.consumed)..<rest.upperBound
            switch progress.state {
            case .morePlaintext: break
            case .needsOutputRoom: isUnfinished = progress.outputCount > 0
            case .handshaking, .open: isUnfinished = false
            case .closedByPeer: connections[index].ending = .afterSending
            case .failed:
                security.failures &+= 1
                connections[index].ending = .atOnce
            }
            if connections[index].ending != .no { isUnfinished = false }
            if progress.plaintextCount > 0 {
                handle(progress.plaintextCount, in: target, of: index, at: now, opener: &opener)
            }
            release(target)
        }
        settleEnding(of: index, at: now, opener: &opener)
    }

    private mutating func handle<Opener: RelayOpener & ~Copyable>(
        _ count: Int,
        in buffer: BufferIndex,
        of index: ConnectionIndex,
        at now: Now,
        opener: inout Opener
    ) {
        let message = ClientMessage(
            fiveTuple: connections[index].fiveTuple,
            buffer: buffer,
            offset: 0,
            count: count
        )
        _ = handle(message, in: MessageRun(stride: count, end: count), at: now, opener: &opener)
        heard(index, at: now)
    }

    private mutating func step(
        _ buffer: BufferIndex,
        _ range: Range<Int>,
        into target: BufferIndex,
        _ index: ConnectionIndex
    ) -> TLSProgress {
        let scratch = connections.scratch
        let progress = Self.step(
            index,
            &security.sessions,
            &pool,
            (buffer, range),
            target,
            &connections.chunks,
            scratch
        )
        send(progress, of: scratch, to: index)
        return progress
    }

    private static func step(
        _ index: ConnectionIndex,
        _ sessions: inout TLSSessions,
        _ pool: inout BufferPool,
        _ source: (buffer: BufferIndex, range: Range<Int>),
        _ target: BufferIndex,
        _ chunks: inout BufferPool,
        _ scratch: BufferIndex
    ) -> TLSProgress {
        pool.withBytes(source.buffer, source.range, into: target, 0..<pool.size) {
            ciphertext,
            plaintext in
            var output = chunks.mutableBytes(scratch, 0..<chunks.size)
            return sessions.receive(
                index.rawValue,
                ciphertext: ciphertext,
                plaintext: &plaintext,
                output: &output
            )
        }
    }

    // MARK: Out

    /// Sends the datagrams that a session put out.
    mutating func send(
        _ progress: TLSProgress,
        of scratch: BufferIndex,
        to index: ConnectionIndex
    ) {
        var start = 0
        for number in 0..<progress.datagrams.count {
            let end = start + progress.datagrams[number]
            sendDatagram(start..<end, of: scratch, to: connections[index].fiveTuple)
            start = end
        }
    }

    /// Sends bytes of a chunk as one datagram to a client.
    mutating func sendDatagram(
        _ range: Range<Int>,
        of scratch: BufferIndex,
        to client: FiveTuple
    ) {
        if range.isEmpty { return }
        guard let place = replies.place(range.count, in: &pool) else {
            statistics.dropsNoReplyBuffer &+= 1
            return
        }
        Self.copy(range, of: scratch, in: connections.chunks, to: &pool, place)
        send(range.count, at: place, to: client)
    }

    private static func copy(
        _ range: Range<Int>,
        of scratch: BufferIndex,
        in chunks: borrowing BufferPool,
        to pool: inout BufferPool,
        _ place: ReplyPlace
    ) {
        pool.write(chunks.bytes(scratch, range), to: place.buffer, at: place.offset)
    }

    /// Sends what the message of a connection's outbox became: one record in one datagram.
    mutating func seal(datagram index: ConnectionIndex) {
        let box = connections[index].unsealed
        let room = box.count + TLSSessions.recordOverhead
        guard box.count <= TLSSessions.maximumPlaintext, let place = replies.place(room, in: &pool)
        else {
            statistics.dropsNoReplyBuffer &+= 1
            connections.emptyUnsealed(of: index)
            return
        }
        let (writing, count) = Self.write(
            index,
            box,
            &security.sessions,
            connections.chunks,
            &pool,
            place,
            room
        )
        connections.emptyUnsealed(of: index)
        if writing == .written {
            send(count, at: place, to: connections[index].fiveTuple)
        } else {
            connections.statistics.dropsConnectionFull &+= 1
        }
    }

    private static func write(
        _ index: ConnectionIndex,
        _ box: Outbox,
        _ sessions: inout TLSSessions,
        _ chunks: borrowing BufferPool,
        _ pool: inout BufferPool,
        _ place: ReplyPlace,
        _ room: Int
    ) -> (TLSWriting, Int) {
        var output = pool.mutableBytes(place.buffer, place.offset..<(place.offset + room))
        let plaintext = chunks.bytes(box.chunk, box.start..<box.end)
        return sessions.write(index.rawValue, plaintext: plaintext, output: &output)
    }
}
