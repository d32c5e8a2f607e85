/// The memory of connections: chunks with what is to be sent, and beginnings of messages.

internal import IOURing
internal import STUN
internal import TURN

// MARK: - What is to be sent

extension Connections {
    /// Room for `byteCount` bytes behind what a connection has left to send.
    ///
    /// - Returns: where in its chunk they go; `nil` when they do not fit, or no chunk is left.
    mutating func room(for byteCount: Int, of index: ConnectionIndex) -> Int? {
        if !self[index].outbox.hasChunk {
            guard let chunk = chunks.take() else { return nil }
            self[index].outbox = Outbox(hasChunk: true, chunk: chunk)
        }
        let outbox = self[index].outbox
        if chunks.size - outbox.end >= byteCount { return outbox.end }
        guard !outbox.isSending, chunks.size - outbox.count >= byteCount else { return nil }
        chunks.moveToFront(outbox.start..<outbox.end, of: outbox.chunk)
        self[index].outbox.start = 0
        self[index].outbox.end = outbox.count
        return outbox.count
    }

    /// Writes bytes to the room that was found for them.
    mutating func append(_ bytes: RawSpan, to index: ConnectionIndex) {
        chunks.write(bytes, to: self[index].outbox.chunk, at: self[index].outbox.end)
        self[index].outbox.end += bytes.byteCount
    }

    /// Writes padding, 0 to 3 bytes, to the room that was found for it.
    mutating func appendZeros(_ count: Int, to index: ConnectionIndex) {
        if count == 0 { return }
        let zeros: [4 of UInt8] = [0, 0, 0, 0]
        append(zeros.span.rawBytes.extracting(0..<count), to: index)
    }

    /// Notes what the kernel took.
    mutating func sent(_ byteCount: Int, of index: ConnectionIndex) {
        self[index].outbox.isSending = false
        self[index].outbox.start += byteCount
        if self[index].outbox.count == 0 { releaseChunk(of: index) }
    }

    private mutating func releaseChunk(of index: ConnectionIndex) {
        let outbox = self[index].outbox
        guard outbox.hasChunk else { return }
        self[index].outbox = Outbox()
        if chunks.release(outbox.chunk) { chunks.free(outbox.chunk) }
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
        releaseChunk(of: index)
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
            guard self[index].hasAllocation, let buffer = chunks.take() else { return false }
            if carry.place == .small { moveCarry(of: index, to: buffer) }
            releaseCarry(of: index)
            self[index].carry = Carry(place: .large, buffer: buffer, count: carry.count)
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
        _ buffer: BufferIndex
    ) {
        target.write(source.bytes(carry.buffer, 0..<carry.count), to: buffer, at: 0)
    }
}
