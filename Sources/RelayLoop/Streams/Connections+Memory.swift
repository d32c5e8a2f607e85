/// The memory of connections: chunks with what is to be sent, and beginnings of messages.

internal import IOURing
internal import STUN
internal import TURN

// MARK: - What is to be sent

extension Connections {
    /// Begins a message of `byteCount` bytes behind what a connection has left to send; in a WebSocket it has a header.
    ///
    /// - Returns: false when it does not fit, or no chunk is left.
    mutating func begin(_ byteCount: Int, to index: ConnectionIndex) -> Bool {
        guard self[index].speech == .webSocket else { return makeRoom(for: byteCount, of: index) }
        let count = WebSocketHeader.byteCount(payload: byteCount)
        guard makeRoom(for: count + byteCount, of: index) else { return false }
        var header: [10 of UInt8] = .init(repeating: 0)
        var span = header.mutableSpan
        // Any bits are a valid UInt8.
        var bytes = unsafe span.mutableBytes
        _ = WebSocketHeader.write(.binary, payload: byteCount, endingAt: count, in: &bytes)
        append(header.span.rawBytes.extracting(0..<count), to: index)
        return true
    }

    /// Makes room for `byteCount` bytes behind what a connection has left to send.
    ///
    /// - Returns: false when they do not fit, or no chunk is left.
    mutating func makeRoom(for byteCount: Int, of index: ConnectionIndex) -> Bool {
        guard self[index].isSealing else { return makeWireRoom(for: byteCount, of: index) }
        let reserve = chunkReserve(for: index)
        return Self.makeRoom(for: byteCount, in: &table[index].unsealed, of: &chunks, reserve)
    }

    /// Chunks that a connection must leave: joined ones cannot drop what they have taken in, and find theirs always.
    private func chunkReserve(for index: ConnectionIndex) -> Int {
        if table[index].role == .joined || table[index].isOfWebServer { return 0 }
        // Half of the others' is for those who have proved something.
        return table[index].hasAllocation
            ? peers.chunks : peers.chunks + (chunks.count - peers.chunks) / 2
    }

    /// Makes room for `byteCount` bytes as they go to the socket.
    mutating func makeWireRoom(for byteCount: Int, of index: ConnectionIndex) -> Bool {
        let reserve = chunkReserve(for: index)
        return Self.makeRoom(for: byteCount, in: &table[index].outbox, of: &chunks, reserve)
    }

    private static func makeRoom(
        for byteCount: Int,
        in outbox: inout Outbox,
        of chunks: inout BufferPool,
        _ reserve: Int
    ) -> Bool {
        if !outbox.hasChunk {
            guard chunks.freeCount > reserve, let chunk = chunks.take() else { return false }
            outbox = Outbox(hasChunk: true, chunk: chunk)
        }
        if chunks.size - outbox.end >= byteCount { return true }
        guard !outbox.isSending, chunks.size - outbox.count >= byteCount else { return false }
        chunks.moveToFront(outbox.start..<outbox.end, of: outbox.chunk)
        outbox.end = outbox.count
        outbox.start = 0
        return true
    }

    /// Writes a piece of a message to the room that was made for it.
    mutating func append(_ bytes: RawSpan, to index: ConnectionIndex) {
        if self[index].isSealing {
            chunks.write(bytes, to: self[index].unsealed.chunk, at: self[index].unsealed.end)
            self[index].unsealed.end += bytes.byteCount
        } else {
            chunks.write(bytes, to: self[index].outbox.chunk, at: self[index].outbox.end)
            self[index].outbox.end += bytes.byteCount
        }
    }

    /// Writes padding, 0 to 3 bytes, to the room that was found for it.
    mutating func appendZeros(_ count: Int, to index: ConnectionIndex) {
        if count == 0 { return }
        let zeros: [4 of UInt8] = [0, 0, 0, 0]
        append(zeros.span.rawBytes.extracting(0..<count), to: index)
    }

    /// Puts the first bytes of the scratch behind what goes to the socket.
    ///
    /// - Returns: false when they do not fit.
    mutating func appendScratch(_ count: Int, to index: ConnectionIndex) -> Bool {
        if count == 0 { return true }
        guard makeWireRoom(for: count, of: index) else { return false }
        let outbox = self[index].outbox
        chunks.copy(0..<count, of: scratch, to: outbox.chunk, at: outbox.end)
        self[index].outbox.end += count
        markDirty(index)
        return true
    }

    /// Notes how much is with the kernel.
    mutating func sending(_ index: ConnectionIndex) {
        self[index].outbox.isSending = true
        self[index].outbox.submitted = self[index].outbox.end
    }

    /// Notes what the kernel took.
    ///
    /// - Returns: whether that was all it was given.
    mutating func sent(_ byteCount: Int, of index: ConnectionIndex) -> Bool {
        self[index].outbox.isSending = false
        self[index].outbox.start += byteCount
        let isAll = self[index].outbox.start == self[index].outbox.submitted
        releaseEmptyOutbox(of: index)
        return isAll
    }

    /// Forgets what was to be encrypted, or has been.
    mutating func emptyUnsealed(of index: ConnectionIndex) {
        Self.release(&table[index].unsealed, to: &chunks)
    }

    /// Gives chunks back in which nothing waits.
    mutating func releaseEmptyOutbox(of index: ConnectionIndex) {
        if self[index].outbox.count == 0 && !self[index].outbox.isSending {
            Self.release(&table[index].outbox, to: &chunks)
        }
        if self[index].unsealed.count == 0 { Self.release(&table[index].unsealed, to: &chunks) }
    }

    private static func release(_ outbox: inout Outbox, to chunks: inout BufferPool) {
        guard outbox.hasChunk else { return }
        if chunks.release(outbox.chunk) { chunks.free(outbox.chunk) }
        outbox = Outbox()
    }
}

// MARK: - Beginnings of messages

extension Connections {
    /// Keeps bytes behind those kept before; there is room for a message of `messageCount` bytes.
    ///
    /// - Returns: false when there is no such room: none is left, or the client may not have it.
    mutating func carry(
        _ bytes: RawSpan,
        ofMessage messageCount: Int,
        for index: ConnectionIndex
    ) -> Bool {
        guard prepareCarry(of: messageCount, for: index) else { return false }
        let carry = self[index].carry
        switch carry.place {
        case .small: smallCarries.write(bytes, to: carry.buffer, at: carry.count)
        case .large: chunks.write(bytes, to: carry.buffer, at: carry.count)
        case .nowhere: return false
        }
        self[index].carry.count += bytes.byteCount
        return true
    }

    /// What has been kept.
    @_lifetime(borrow self)
    func carried(_ index: ConnectionIndex) -> RawSpan {
        let carry = self[index].carry
        return switch carry.place {
        case .small: smallCarries.bytes(carry.buffer, 0..<carry.count)
        case .large: chunks.bytes(carry.buffer, 0..<carry.count)
        case .nowhere: chunks.bytes(BufferIndex(rawValue: 0), 0..<0)
        }
    }

    /// Gives the memory of a message's beginning back.
    mutating func releaseCarry(of index: ConnectionIndex) {
        let carry = self[index].carry
        self[index].carry = Carry()
        switch carry.place {
        case .small: if smallCarries.release(carry.buffer) { smallCarries.free(carry.buffer) }
        case .large: if chunks.release(carry.buffer) { chunks.free(carry.buffer) }
        case .nowhere: break
        }
    }

    /// Gives everything back.
    mutating func releaseMemory(of index: ConnectionIndex) {
        releaseCarry(of: index)
        Self.release(&table[index].outbox, to: &chunks)
        Self.release(&table[index].unsealed, to: &chunks)
    }

    /// Puts what has been kept of one connection behind what another has left to send; there is room.
    mutating func appendCarry(of index: ConnectionIndex, to other: ConnectionIndex) {
        let carry = self[index].carry
        guard carry.place == .small else { return }
        let outbox = self[other].outbox
        Self.copy(carry, from: smallCarries, to: &chunks, outbox.chunk, at: outbox.end)
        self[other].outbox.end += carry.count
        releaseCarry(of: index)
    }

    private mutating func prepareCarry(of byteCount: Int, for index: ConnectionIndex) -> Bool {
        let carry = self[index].carry
        let isLarge = byteCount > smallCarries.size
        switch carry.place {
        case .large: return true
        case .small where !isLarge: return true
        case .nowhere where !isLarge:
            guard let buffer = smallCarries.take() else { return false }
            self[index].carry = Carry(place: .small, buffer: buffer)
            return true
        case .small, .nowhere:
            guard self[index].hasAllocation || self[index].role == .leaving,
                chunks.freeCount > peers.chunks, let buffer = chunks.take()
            else { return false }
            if carry.place == .small { moveCarry(of: index, to: buffer) }
            releaseCarry(of: index)
            self[index].carry = Carry(
                place: .large,
                buffer: buffer,
                count: carry.count,
                wanted: carry.wanted
            )
            return true
        }
    }

    private mutating func moveCarry(of index: ConnectionIndex, to buffer: BufferIndex) {
        Self.copy(self[index].carry, from: smallCarries, to: &chunks, buffer)
    }

    /// The pools come apart so that one is read while the other is written.
    private static func copy(
        _ carry: Carry,
        from source: borrowing BufferPool,
        to target: inout BufferPool,
        _ buffer: BufferIndex,
        at offset: Int = 0
    ) {
        target.write(source.bytes(carry.buffer, 0..<carry.count), to: buffer, at: offset)
    }
}

extension MappedArray<Connection> {
    /// A connection, in place.
    subscript(index: ConnectionIndex) -> Connection {
        get { self[Int(index.rawValue)] }
        _modify { yield &self[Int(index.rawValue)] }
    }
}
