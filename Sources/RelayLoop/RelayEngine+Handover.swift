/// Clients whose allocation is, or was, on another thread (RFC 8016).

internal import IOURing
internal import STUN
internal import TURN

/// A message for another thread.
struct StrayMessage {
    let bytes: [UInt8]
    let fiveTuple: FiveTuple
    /// Who has the allocation; nil: to be asked around.
    let thread: UInt16?
}

/// What came of a message of another thread's client.
enum StrayOutcome {
    /// Send this back; empty: only whether there is an allocation.
    case answer([UInt8])
    /// Ask another thread: where the allocation went from here, or the next.
    case passOn(UInt16?)
}

extension RelayEngine {
    /// Keeps a message for another thread until the loop sends it there; beyond a bound it is dropped.
    @inline(never)
    mutating func passOn(_ message: ClientMessage, to thread: UInt16?) {
        let byteCount = strays.reduce(message.count) { $0 + $1.bytes.count }
        guard strays.count < Limits.handovers, byteCount <= Limits.parcelBytes else {
            statistics.dropsHandover &+= 1
            return
        }
        let range = message.offset..<(message.offset &+ message.count)
        let bytes = Self.copy(range, of: message.buffer, in: pool)
        strays.append(StrayMessage(bytes: bytes, fiveTuple: message.fiveTuple, thread: thread))
    }

    static func copy(
        _ range: Range<Int>,
        of buffer: BufferIndex,
        in pool: borrowing BufferPool
    ) -> [UInt8] {
        // A buffer's bytes were written by the kernel or by the pool.
        unsafe pool.bytes(buffer, range).withUnsafeBytes { unsafe Array($0) }
    }

    /// Handles a message of another thread's client.
    mutating func receiveStray<Opener: RelayOpener & ~Copyable>(
        _ bytes: [UInt8],
        from fiveTuple: FiveTuple,
        mayPassOn: Bool,
        at now: Now,
        opener: inout Opener
    ) -> StrayOutcome {
        guard bytes.count <= pool.size, let buffer = pool.take() else {
            statistics.dropsHandover &+= 1
            return .answer([])
        }
        defer { release(buffer) }
        pool.write(bytes.span.rawBytes, to: buffer, at: 0)
        let message = ClientMessage(
            fiveTuple: fiveTuple,
            buffer: buffer,
            offset: 0,
            count: bytes.count
        )
        let asked = server.asksElsewhere
        server.asksElsewhere = mayPassOn
        defer { server.asksElsewhere = asked }
        let verdict = Self.verdict(
            &server,
            on: message,
            in: pool,
            at: now,
            scratch: &replies.scratch
        )
        switch verdict {
        case .reply(let count):
            drainCommands(at: now, opener: &opener)
            return .answer((0..<count).map { replies.scratch[$0] })
        case .forward(let forward):
            send(forward, of: message, times: 1, stride: 0, opener: &opener)
            return .answer([])
        case .elsewhere:
            return mayPassOn ? .passOn(server.departure(of: bytes.span.rawBytes)) : .answer([])
        case .open:
            // Allocations are made where the client is.
            let refusal = Self.finishAllocate(
                &server,
                .unavailable,
                at: now,
                scratch: &replies.scratch
            )
            guard case .reply(let count) = refusal else { return .answer([]) }
            return .answer((0..<count).map { replies.scratch[$0] })
        case .connect, .join, .drop, .replyElsewhere: return .answer([])
        }
    }

    /// Tells a client of this thread what another thread answered, and remembers where its allocation is.
    mutating func answerStray(_ bytes: [UInt8], to fiveTuple: FiveTuple, owner: UInt16?) {
        guard isThere(fiveTuple) else { return }
        server.promise(fiveTuple, thread: owner)
        guard !bytes.isEmpty, bytes.count <= replies.scratch.count else { return }
        for index in bytes.indices { replies.scratch[index] = bytes[index] }
        reply(count: bytes.count, to: fiveTuple)
    }

    /// Whether a client can be reached: always over UDP, else while its connection is open.
    func isThere(_ fiveTuple: FiveTuple) -> Bool {
        guard fiveTuple.connection != .none else { return true }
        return connections[fiveTuple.connection].phase == .open
            && connections[fiveTuple.connection].fiveTuple == fiveTuple
    }

    /// Takes over an allocation from another thread.
    ///
    /// - Returns: false when there is no room for it.
    mutating func install(
        _ moved: MovedAllocation,
        client: FiveTuple,
        ipv4: RelayIndex?,
        ipv6: RelayIndex?,
        at now: Now
    ) -> Bool {
        guard server.install(moved, client: client, ipv4: ipv4, ipv6: ipv6) else { return false }
        if !isThere(client) {
            server.connectionEnded(client)
        } else if client.connection != .none {
            connections.heard(client.connection, hasAllocation: true, at: now.seconds)
        }
        return true
    }
}
