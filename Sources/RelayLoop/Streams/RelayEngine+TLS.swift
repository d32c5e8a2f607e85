/// TLS between streams and messages: ciphertext in, messages; messages, ciphertext out.

internal import IOURing
internal import STUN
internal import TLS
internal import TURN

/// What an engine needs for TLS and DTLS.
struct Security: ~Copyable {
    private let inPlace = InPlace()
    /// The sessions, by the index of their connection.
    var sessions: TLSSessions
    /// What new sessions over TCP are made with; `nil`: none is.
    var stream: TLSContext?
    /// What new sessions over UDP are made with; `nil`: none is.
    var datagram: TLSContext?
    /// Clients over DTLS by their address and the socket they send to.
    var clients: FlatTable<FiveTuple, ConnectionIndex>
    /// Whether a step of a handshake may be done now; those over TCP wait for their turn between passes.
    var mayStep = false
    /// Steps of handshakes over UDP that this pass may still do.
    var datagramStepsLeft = Limits.datagramStepsPerPass
    /// Connections whose handshakes wait for a pass with steps left.
    var deferred: IndexQueue
    /// Who shakes hands.
    var places: HandshakePlaces
    /// Facts for the counters.
    var handshakes: UInt64 = 0, failures: UInt64 = 0, delayed: UInt64 = 0, hellos: UInt64 = 0

    init(capacity: Int, handshakes: Int, hash: KeyedHash) throws(Errno) {
        // Places of connections that are gone may stand in it until their turn comes.
        let deferred = try IndexQueue(capacity: 2 * capacity)
        let places = try HandshakePlaces(count: handshakes)
        sessions = TLSSessions(capacity: capacity)
        clients = FlatTable(capacity: capacity, hash: hash)
        self.deferred = deferred
        self.places = places
    }
}

extension RelayEngine {
    // MARK: In

    /// Decrypts what came and handles the messages in it, unless its handshake has to wait.
    mutating func receiveRecords<Opener: RelayOpener & ~Copyable>(
        in buffer: BufferIndex,
        _ range: Range<Int>,
        of index: ConnectionIndex,
        at now: Now,
        opener: inout Opener
    ) -> Bool {
        let wasHandshaking = security.sessions.isHandshaking(index.rawValue)
        if wasHandshaking {
            guard isReadyForStep(in: buffer, range, of: index) else {
                keepForStep(in: buffer, range, of: index)
                return false
            }
            security.mayStep = false
            guard openSession(index, at: now, opener: &opener) else { return false }
        }
        var rest = range
        var wasHeard = false
        var isUnfinished = true
        while isUnfinished, connections[index].ending != .atOnce {
            guard let target = pool.take() else {
                statistics.dropsNoReplyBuffer &+= 1
                connections[index].ending = .atOnce
                break
            }
            let decrypted = decrypt(&rest, of: buffer, into: target, index)
            isUnfinished = decrypted.isUnfinished
            if decrypted.count > 0 {
                let messages = 0..<decrypted.count
                wasHeard =
                    receivePlaintext(in: target, messages, of: index, at: now, opener: &opener)
                    || wasHeard
            }
            release(target)
        }
        if wasHandshaking && !security.sessions.isHandshaking(index.rawValue) {
            security.handshakes &+= 1
        }
        connections.releaseEmptyOutbox(of: index)
        return wasHeard
    }

    /// What one buffer of plaintext holds.
    private struct Decrypted {
        var count = 0
        /// More waits than the buffer holds.
        var isUnfinished = false
    }

    /// Decrypts records into a buffer until it is full or there are no more.
    private mutating func decrypt(
        _ rest: inout Range<Int>,
        of buffer: BufferIndex,
        into target: BufferIndex,
        _ index: ConnectionIndex
    ) -> Decrypted {
        var decrypted = Decrypted()
        while true {
            let progress = Self.step(
                index,
                &security.sessions,
                &pool,
                from: (buffer, rest),
                into: (target, decrypted.count..<pool.size),
                &connections
            )
            rest = (rest.lowerBound + progress.consumed)..<rest.upperBound
            decrypted.count += progress.plaintextCount
            guard connections.appendScratch(progress.outputCount, to: index) else {
                // It does not read what it is told, and asks for more.
                connections[index].ending = .atOnce
                return decrypted
            }
            switch progress.state {
            case .needsOutputRoom where progress.outputCount > 0: continue
            case .morePlaintext where decrypted.count < pool.size: continue
            case .morePlaintext: decrypted.isUnfinished = true
            case .handshaking, .open: break
            case .closedByPeer where endInput(of: index): break
            case .closedByPeer: connections[index].ending = .afterSending
            case .needsOutputRoom, .failed:
                security.failures &+= 1
                connections[index].ending = .afterSending
            }
            return decrypted
        }
    }

    /// One call of the session; the fields come apart so that each is lent for itself.
    private static func step(
        _ index: ConnectionIndex,
        _ sessions: inout TLSSessions,
        _ pool: inout BufferPool,
        from source: (buffer: BufferIndex, range: Range<Int>),
        into target: (buffer: BufferIndex, range: Range<Int>),
        _ connections: inout Connections
    ) -> TLSProgress {
        let scratch = connections.scratch
        return pool.withBytes(source.buffer, source.range, into: target.buffer, target.range) {
            ciphertext,
            plaintext in
            var output = connections.chunks.mutableBytes(scratch, 0..<connections.chunks.size)
            return sessions.receive(
                index.rawValue,
                ciphertext: ciphertext,
                plaintext: &plaintext,
                output: &output
            )
        }
    }

    /// Begins the session of a connection, if it has none; false when there is no memory for it.
    private mutating func openSession<Opener: RelayOpener & ~Copyable>(
        _ index: ConnectionIndex,
        at now: Now,
        opener: inout Opener
    ) -> Bool {
        if security.sessions.isOpen(index.rawValue) { return true }
        if let context = security.stream, security.sessions.open(index.rawValue, context) {
            beginHandshake(index, at: now, opener: &opener)
            return true
        }
        connections[index].ending = .atOnce
        return false
    }

    // MARK: Out

    /// Encrypts what waits for it, in records as long as they may be, as far as there is room.
    mutating func seal(_ index: ConnectionIndex) {
        while connections[index].layer == .tls, connections[index].phase == .open,
            connections[index].unsealed.count > 0
        {
            let box = connections[index].unsealed
            let count = min(box.count, TLSSessions.maximumPlaintext)
            // Whatever it has left to receive, alerts and answers to KeyUpdate find room.
            let room = count + TLSSessions.recordOverhead + Limits.alertBytes
            guard connections.makeWireRoom(for: room, of: index) else { break }
            let (writing, outputCount) = Self.write(
                index,
                box.start..<(box.start + count),
                &security.sessions,
                &connections
            )
            connections[index].outbox.end += outputCount
            guard writing == .written else {
                security.failures &+= 1
                connections[index].ending = .atOnce
                break
            }
            connections[index].unsealed.start += count
        }
        connections.releaseEmptyOutbox(of: index)
    }

    private static func write(
        _ index: ConnectionIndex,
        _ range: Range<Int>,
        _ sessions: inout TLSSessions,
        _ connections: inout Connections
    ) -> (TLSWriting, Int) {
        let connection = connections[index]
        let room = connection.outbox.end..<connections.chunks.size
        return connections.chunks.withBytes(
            connection.unsealed.chunk,
            range,
            into: connection.outbox.chunk,
            room
        ) { plaintext, output in
            sessions.write(index.rawValue, plaintext: plaintext, output: &output)
        }
    }

    /// Says goodbye on a connection that ends in good order.
    mutating func closeSession(_ index: ConnectionIndex) {
        guard security.sessions.isOpen(index.rawValue) else { return }
        seal(index)
        let count = Self.close(index, &security.sessions, &connections)
        if connections[index].layer == .dtls {
            sendDatagram(0..<count, of: connections.scratch, to: connections[index].fiveTuple)
        } else {
            _ = connections.appendScratch(count, to: index)
        }
    }

    private static func close(
        _ index: ConnectionIndex,
        _ sessions: inout TLSSessions,
        _ connections: inout Connections
    ) -> Int {
        var output = connections.chunks.mutableBytes(
            connections.scratch,
            0..<connections.chunks.size
        )
        return sessions.close(index.rawValue, output: &output).outputCount
    }
}
