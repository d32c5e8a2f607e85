/// TURN over WebSocket, an extension of ours: a binary message is one STUN message or ChannelData, padded as over TCP.

internal import IOURing
internal import STUN
internal import TURN

extension RelayEngine {
    /// Handles plaintext of a stream by what is spoken on it; the first byte decides.
    ///
    /// A request of HTTP begins with a capital letter. As a channel number that would be one that nobody can have bound
    /// before the first message.
    ///
    /// - Returns: whether there was a message.
    mutating func receivePlaintext<Opener: RelayOpener & ~Copyable>(
        in buffer: BufferIndex,
        _ range: Range<Int>,
        of index: ConnectionIndex,
        at now: Now,
        opener: inout Opener
    ) -> Bool {
        if connections[index].speech == .undecided, !range.isEmpty {
            let first = pool.bytes(buffer, range).firstByte ?? 0
            connections[index].speech = speech(of: index, beginningWith: first)
        }
        switch connections[index].speech {
        case .undecided: return false
        case .messages:
            return receiveMessages(in: buffer, range, of: index, at: now, opener: &opener)
        case .http:
            guard
                let end = receiveUpgrade(in: buffer, range, of: index, at: now, opener: &opener)
            else { return false }
            return receiveFrames(
                in: buffer,
                end..<range.upperBound,
                of: index,
                at: now,
                opener: &opener
            )
        case .webSocket:
            return receiveFrames(in: buffer, range, of: index, at: now, opener: &opener)
        }
    }

    // MARK: The opening handshake

    /// Answers the request that opens the WebSocket, once all of it has come.
    ///
    /// - Returns: where its frames begin; `nil` while they do not.
    private mutating func receiveUpgrade<Opener: RelayOpener & ~Copyable>(
        in buffer: BufferIndex,
        _ range: Range<Int>,
        of index: ConnectionIndex,
        at now: Now,
        opener: inout Opener
    ) -> Int? {
        let kept = connections[index].carry.count
        let request =
            range.lowerBound..<min(range.upperBound, range.lowerBound + Limits.requestBytes - kept)
        let upgrade: WebSocketUpgrade
        let isShared = sharesPort(index)
        if kept > 0 {
            guard carry(request, of: buffer, ofMessage: kept + request.count, for: index) else {
                return refuse(.tooLarge, index)
            }
            upgrade = .init(connections.carried(index), path: Limits.webSocketPath, isShared)
        } else {
            upgrade = .init(pool.bytes(buffer, request), path: Limits.webSocketPath, isShared)
        }
        switch upgrade {
        case .accepted(let key, let speaksTURN, let count):
            connections.releaseCarry(of: index)
            let answer = Self.write(&replies.scratch) {
                WebSocketUpgrade.accept(key: key, speaksTURN: speaksTURN, in: &$0)
            }
            replyOnConnection(count: answer, to: index)
            connections[index].speech = .webSocket
            return request.lowerBound + count - kept
        case .refused(let refusal): return refuse(refusal, index)
        case .elsewhere:
            let unread = (kept > 0 ? request.upperBound : request.lowerBound)..<range.upperBound
            share(unread, of: buffer, from: index, at: now, opener: &opener)
            return nil
        case .needsMore:
            if request.upperBound < range.upperBound { return refuse(.tooLarge, index) }
            if kept == 0, !carry(request, of: buffer, ofMessage: request.count, for: index) {
                return refuse(.tooLarge, index)
            }
            return nil
        }
    }

    private mutating func refuse(_ refusal: HTTPRefusal, _ index: ConnectionIndex) -> Int? {
        let count = Self.write(&replies.scratch) { refusal.write(in: &$0) }
        replyOnConnection(count: count, to: index)
        breakOff(index)
        return nil
    }

    // MARK: Frames

    /// Handles whole frames, and keeps the beginning of the last.
    private mutating func receiveFrames<Opener: RelayOpener & ~Copyable>(
        in buffer: BufferIndex,
        _ range: Range<Int>,
        of index: ConnectionIndex,
        at now: Now,
        opener: inout Opener
    ) -> Bool {
        statistics.bytesFromClients &+= UInt64(truncatingIfNeeded: range.count)
        var offset = range.lowerBound
        var wasHeard = false
        while connections[index].carry.place != .nowhere, connections[index].ending == .no {
            guard offset < range.upperBound else { return wasHeard }
            let carry = connections[index].carry
            let piece = offset..<min(offset + max(1, carry.wanted - carry.count), range.upperBound)
            guard self.carry(piece, of: buffer, ofMessage: carry.wanted, for: index) else {
                breakOff(index)
                return wasHeard
            }
            offset = piece.upperBound
            let count = carry.count + piece.count
            if count < carry.wanted { return wasHeard }
            guard count <= pool.size, let target = pool.take() else {
                breakOff(index)
                return wasHeard
            }
            Self.copy(index, from: connections, to: &pool, target, count)
            connections.releaseCarry(of: index)
            let frames = 0..<count
            wasHeard =
                handleFrames(in: target, frames, of: index, at: now, opener: &opener) || wasHeard
            release(target)
        }
        let rest = offset..<range.upperBound
        return handleFrames(in: buffer, rest, of: index, at: now, opener: &opener) || wasHeard
    }

    private mutating func handleFrames<Opener: RelayOpener & ~Copyable>(
        in buffer: BufferIndex,
        _ range: Range<Int>,
        of index: ConnectionIndex,
        at now: Now,
        opener: inout Opener
    ) -> Bool {
        var offset = range.lowerBound
        var wasHeard = false
        while offset < range.upperBound, connections[index].ending == .no {
            let rest = offset..<range.upperBound
            switch Self.frame(in: buffer, rest, of: &pool) {
            case .needsMore(let whole):
                if !carry(rest, of: buffer, ofMessage: whole, for: index) { breakOff(index) }
                connections[index].carry.wanted = whole
                return wasHeard
            case .message(let message, let count):
                handle(message, at: offset, in: buffer, of: index, now, opener: &opener)
                wasHeard = true
                offset += count
            case .ping(let payload, let count):
                let place = (offset + payload.lowerBound)..<(offset + payload.upperBound)
                let pong = Self.pong(place, of: buffer, in: pool, &replies.scratch)
                replyOnConnection(count: pong, to: index, isFramed: true)
                wasHeard = true
                offset += count
            case .pong(let count): offset += count
            case .close(let status, _): close(index, status ?? WebSocketStatus.normal.rawValue)
            case .refused(let status):
                connections.statistics.broken &+= 1
                close(index, status.rawValue)
            }
        }
        return wasHeard
    }

    private mutating func handle<Opener: RelayOpener & ~Copyable>(
        _ message: Range<Int>,
        at offset: Int,
        in buffer: BufferIndex,
        of index: ConnectionIndex,
        _ now: Now,
        opener: inout Opener
    ) {
        let message = ClientMessage(
            fiveTuple: connections[index].fiveTuple,
            buffer: buffer,
            offset: offset + message.lowerBound,
            count: message.count
        )
        statistics.datagramsFromClients &+= 1
        let run = MessageRun(stride: message.count, end: message.offset + message.count)
        _ = handle(message, in: run, at: now, opener: &opener)
    }

    private mutating func close(_ index: ConnectionIndex, _ status: UInt16) {
        let count = Self.write(&replies.scratch) { WebSocketHeader.writeClose(status, in: &$0) }
        replyOnConnection(count: count, to: index, isFramed: true)
        connections[index].ending = .afterSending
    }

    private static func frame(
        in buffer: BufferIndex,
        _ range: Range<Int>,
        of pool: inout BufferPool
    ) -> WebSocketFrame {
        var bytes = pool.mutableBytes(buffer, range)
        return WebSocketFrame.first(in: &bytes)
    }

    private static func pong(
        _ payload: Range<Int>,
        of buffer: BufferIndex,
        in pool: borrowing BufferPool,
        _ scratch: inout ReplyWriter.Scratch
    ) -> Int {
        let header = WebSocketHeader.byteCount(payload: payload.count)
        let bytes = pool.bytes(buffer, payload)
        for position in 0..<bytes.byteCount {
            scratch[header + position] = bytes.extracting(droppingFirst: position).firstByte ?? 0
        }
        return write(&scratch) {
            _ = WebSocketHeader.write(
                .pong,
                payload: payload.count,
                endingAt: header,
                in: &$0
            )
            return header + payload.count
        }
    }

    static func write(
        _ scratch: inout ReplyWriter.Scratch,
        _ body: (inout MutableRawSpan) -> Int
    ) -> Int {
        var span = scratch.mutableSpan
        // Any bits are a valid UInt8.
        var bytes = unsafe span.mutableBytes
        return body(&bytes)
    }
}
