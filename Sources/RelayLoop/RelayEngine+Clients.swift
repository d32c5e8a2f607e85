/// From clients: requests are answered, data goes to peers in place.

internal import IOURing
internal import STUN
public import TURN

extension RelayEngine {
    /// Handles a buffer filled from a listening socket; a coalesced one is walked by its segment size.
    ///
    /// `opener` opens a relayed socket at once when a request asks for one.
    public mutating func receive<Opener: RelayOpener & ~Copyable>(
        _ received: ReceivedBuffer,
        on listener: ListenerIndex,
        at now: Now,
        opener: inout Opener
    ) {
        if follow(received, from: registeredFiles.file(of: listener)) { return }
        forgetPrecedent()
        count(fromClients: received)
        let fiveTuple = FiveTuple(client: received.source, listener: listener)
        var offset = received.offset
        let end = offset &+ received.count
        repeat {
            let count = min(received.segmentSize, end &- offset)
            let message = ClientMessage(
                fiveTuple: fiveTuple,
                buffer: received.buffer,
                offset: offset,
                count: count,
                trafficClass: received.trafficClass
            )
            var times = 1
            if isForDTLS(message) {
                receiveDTLS(message, at: now, opener: &opener)
            } else {
                let run = MessageRun(stride: received.segmentSize, end: end)
                times = handle(message, in: run, at: now, opener: &opener)
            }
            offset &+= times &* received.segmentSize
        } while offset < end
        // A later message of the train may have changed what held for an earlier one.
        if received.isCoalesced { forgetPrecedent() }
        release(received.buffer)
    }

    /// Does what the server says about a message.
    ///
    /// - Returns: how many messages were handled: those behind it that are the same but for their payload went along.
    mutating func handle<Opener: RelayOpener & ~Copyable>(
        _ message: ClientMessage,
        in run: MessageRun,
        at now: Now,
        opener: inout Opener
    ) -> Int {
        let verdict = Self.verdict(
            &server,
            on: message,
            in: pool,
            at: now,
            scratch: &replies.scratch
        )
        switch verdict {
        case .drop:
            return 1
        case .forward(let forward):
            let times = runLength(from: message, in: run, forward)
            send(forward, of: message, times: times, stride: run.stride, opener: &opener)
            return times
        case .reply(let count):
            reply(count: count, to: message.fiveTuple)
            drainCommands(at: now, opener: &opener)
        case .replyElsewhere(let count, let fiveTuple):
            reply(count: count, to: fiveTuple)
        case .open(let request):
            let outcome = opener.open(request, at: now)
            finishAllocate(outcome, to: message.fiveTuple, at: now)
            drainCommands(at: now, opener: &opener)
        case .connect(let request):
            connect(request, at: now, opener: &opener)
        case .join(let peer, let count):
            reply(count: count, to: message.fiveTuple)
            join(message.fiveTuple.connection, to: peer)
        case .elsewhere(let thread): passOn(message, to: thread)
        }
        return 1
    }

    /// How many messages, from `message` on, are ChannelData with one and the same header.
    ///
    /// They get the verdict of the first: same sender, channel, length and time. A bandwidth limit is
    /// asked for each.
    private func runLength(
        from message: ClientMessage,
        in run: MessageRun,
        _ forward: Forward
    ) -> Int {
        guard run.stride < run.end &- message.offset, forward.offset == ChannelData.headerCount,
            !server.limitsBandwidth
        else { return 1 }
        let whole = (run.end &- message.offset) / run.stride
        if whole < 2 { return 1 }
        let end = message.offset &+ whole &* run.stride
        return ChannelData.runLength(
            in: pool.bytes(message.buffer, message.offset..<end),
            every: run.stride
        )
    }

    /// Lends the message's bytes to the server; the fields come apart so that the borrow is exact.
    static func verdict(
        _ server: inout TURNServer,
        on message: ClientMessage,
        in pool: borrowing BufferPool,
        at now: Now,
        scratch: inout ReplyWriter.Scratch
    ) -> Verdict {
        let bytes = pool.bytes(
            message.buffer,
            message.offset..<(message.offset &+ message.count)
        )
        var span = scratch.mutableSpan
        // Any bits are a valid UInt8.
        var reply = unsafe span.mutableBytes
        return server.receive(bytes, from: message.fiveTuple, at: now, reply: &reply)
    }

    private mutating func finishAllocate(
        _ outcome: RelayOutcome,
        to fiveTuple: FiveTuple,
        at now: Now
    ) {
        let verdict = Self.finishAllocate(&server, outcome, at: now, scratch: &replies.scratch)
        guard case .reply(let count) = verdict else { return }
        reply(count: count, to: fiveTuple)
    }

    static func finishAllocate(
        _ server: inout TURNServer,
        _ outcome: RelayOutcome,
        at now: Now,
        scratch: inout ReplyWriter.Scratch
    ) -> Verdict {
        var span = scratch.mutableSpan
        // Any bits are a valid UInt8.
        var reply = unsafe span.mutableBytes
        return server.finishAllocate(outcome, at: now, reply: &reply)
    }

    mutating func send<Opener: RelayOpener & ~Copyable>(
        _ forward: Forward,
        of message: ClientMessage,
        times: Int,
        stride: Int,
        opener: inout Opener
    ) {
        let destination = forward.destination
        if forward.isOwnRelayAddress,
            !opener.isLive(destination)
        {
            statistics.dropsNotLiveRelayedPort &+= UInt64(truncatingIfNeeded: times)
            return
        }
        let outgoing = OutgoingDatagram(
            socket: registeredFiles.file(of: forward.relay),
            destination: SocketAddress(destination),
            buffer: message.buffer,
            payloadOffset: message.offset &+ forward.offset,
            payloadCount: forward.count,
            marks: PacketMarks(
                trafficClass: trafficClasses.outgoing(message.trafficClass),
                isDontFragment: forward.isDontFragment
            )
        )
        let appended = append(outgoing, times: times, stride: stride)
        if times == 1 { remember(message, forward, as: outgoing) }
        statistics.datagramsToPeers &+= appended
        statistics.bytesToPeers &+= appended &* UInt64(truncatingIfNeeded: forward.count)
    }

    /// Sends the answer in the scratch.
    mutating func reply(count: Int, to fiveTuple: FiveTuple) {
        guard fiveTuple.connection == .none else {
            return replyOnConnection(count: count, to: fiveTuple.connection)
        }
        guard let place = replies.place(scratch: count, in: &pool) else {
            statistics.dropsNoReplyBuffer &+= 1
            return
        }
        send(count, at: place, to: fiveTuple)
    }

    /// Sends an answer to a client as one datagram.
    mutating func send(_ count: Int, at place: ReplyPlace, to client: FiveTuple) {
        let outgoing = OutgoingDatagram(
            socket: registeredFiles.file(of: client.listener),
            destination: SocketAddress(client.client),
            buffer: place.buffer,
            payloadOffset: place.offset,
            payloadCount: count
        )
        let appended = append(outgoing, times: 1, stride: 0)
        statistics.datagramsToClients &+= appended
        statistics.bytesToClients &+= appended &* UInt64(truncatingIfNeeded: count)
    }

    private mutating func count(fromClients received: ReceivedBuffer) {
        statistics.datagramsFromClients &+= received.datagramCount
        statistics.bytesFromClients &+= UInt64(truncatingIfNeeded: received.count)
        if received.isCoalesced { statistics.coalescedReceives &+= 1 }
    }
}

extension RelayEngine {
    /// Adds a datagram to this pass's sends.
    ///
    /// - Returns: 1, or 0 when it found no slot.
    mutating func append(_ datagram: OutgoingDatagram) -> UInt64 {
        if batch.append(datagram, pool: &pool) { return 1 }
        statistics.dropsNoSendSlot &+= 1
        return 0
    }

    /// Adds a run of datagrams to this pass's sends.
    ///
    /// - Returns: how many found a slot.
    mutating func append(_ datagram: OutgoingDatagram, times: Int, stride: Int) -> UInt64 {
        if times == 1 { return append(datagram) }
        let appended = batch.append(datagram, times: times, stride: stride, pool: &pool)
        statistics.dropsNoSendSlot &+= UInt64(truncatingIfNeeded: times &- appended)
        return UInt64(truncatingIfNeeded: appended)
    }

    /// Ends this pass's hold on a received buffer; sends that name it keep it.
    mutating func release(_ buffer: BufferIndex) {
        if pool.release(buffer) { pool.free(buffer) }
    }
}

/// A message of a client, where it lies.
struct ClientMessage: BitwiseCopyable {
    let fiveTuple: FiveTuple
    let buffer: BufferIndex
    let offset: Int
    /// Its bytes; in a stream with its padding.
    let count: Int
    /// Of the datagram that it came in; a stream has none that belongs to a message.
    var trafficClass: UInt8 = 0
}

/// What lies behind a message: more that begin every `stride` bytes, as far as they look alike.
struct MessageRun: BitwiseCopyable {
    let stride: Int
    /// Where the last of them ends.
    let end: Int
}
