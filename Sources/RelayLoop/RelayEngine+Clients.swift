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
        count(fromClients: received)
        var offset = received.offset
        let end = offset &+ received.count
        repeat {
            let count = min(received.segmentSize, end &- offset)
            let times = handle(
                ReceivedDatagramRange(received, offset: offset, count: count),
                of: received,
                on: listener,
                at: now,
                opener: &opener
            )
            offset &+= times &* received.segmentSize
        } while offset < end
        release(received.buffer)
    }

    /// Does what the server says about a datagram.
    ///
    /// - Returns: how many datagrams were handled: those behind it that are the same but for their payload went along.
    private mutating func handle<Opener: RelayOpener & ~Copyable>(
        _ datagram: ReceivedDatagramRange,
        of received: ReceivedBuffer,
        on listener: ListenerIndex,
        at now: Now,
        opener: inout Opener
    ) -> Int {
        let verdict = Self.verdict(
            &server,
            on: datagram,
            in: pool,
            listener: listener,
            at: now,
            scratch: &replies.scratch
        )
        switch verdict {
        case .drop:
            return 1
        case .forward(let forward):
            let times = runLength(from: datagram, of: received, forward)
            send(forward, of: datagram, times: times, stride: received.segmentSize, opener: &opener)
            return times
        case .reply(let count):
            reply(count: count, to: datagram.source, from: listener)
            Self.drainCommands(&server, at: now, opener: &opener)
        case .open(let request):
            let outcome = opener.open(request, at: now)
            finishAllocate(outcome, datagram: datagram, on: listener, at: now)
            Self.drainCommands(&server, at: now, opener: &opener)
        }
        return 1
    }

    /// How many datagrams of a train, from `datagram` on, are ChannelData with one and the same header.
    ///
    /// They get the verdict of the first: same sender, channel, length and time. A bandwidth limit is
    /// asked for each.
    private func runLength(
        from datagram: ReceivedDatagramRange,
        of received: ReceivedBuffer,
        _ forward: Forward
    ) -> Int {
        guard received.isCoalesced, forward.offset == ChannelData.headerCount,
            !server.limitsBandwidth
        else { return 1 }
        let whole = (received.offset &+ received.count &- datagram.offset) / received.segmentSize
        if whole < 2 { return 1 }
        let end = datagram.offset &+ whole &* received.segmentSize
        return ChannelData.runLength(
            in: pool.bytes(datagram.buffer, datagram.offset..<end),
            every: received.segmentSize
        )
    }

    /// Lends the datagram's bytes to the server; the fields come apart so that the borrow is exact.
    private static func verdict(
        _ server: inout TURNServer,
        on datagram: ReceivedDatagramRange,
        in pool: borrowing BufferPool,
        listener: ListenerIndex,
        at now: Now,
        scratch: inout ReplyWriter.Scratch
    ) -> Verdict {
        let bytes = pool.bytes(
            datagram.buffer,
            datagram.offset..<(datagram.offset &+ datagram.count)
        )
        var span = scratch.mutableSpan
        // Any bits are a valid UInt8.
        var reply = unsafe span.mutableBytes
        return server.receive(
            bytes,
            from: FiveTuple(client: datagram.source, listener: listener),
            at: now,
            reply: &reply
        )
    }

    private mutating func finishAllocate(
        _ outcome: RelayOutcome,
        datagram: ReceivedDatagramRange,
        on listener: ListenerIndex,
        at now: Now
    ) {
        let verdict = Self.finishAllocate(&server, outcome, at: now, scratch: &replies.scratch)
        guard case .reply(let count) = verdict else { return }
        reply(count: count, to: datagram.source, from: listener)
    }

    private static func finishAllocate(
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

    private mutating func send<Opener: RelayOpener & ~Copyable>(
        _ forward: Forward,
        of datagram: ReceivedDatagramRange,
        times: Int,
        stride: Int,
        opener: inout Opener
    ) {
        let destination = forward.destination
        if forward.isOwnRelayAddress,
            !opener.isLive(port: destination.port, family: destination.ip.family)
        {
            statistics.dropsNotLiveRelayedPort &+= UInt64(truncatingIfNeeded: times)
            return
        }
        if forward.isDontFragment, !opener.setDontFragment(on: forward.relay) {
            statistics.dropsOtherSendError &+= 1
            return
        }
        let outgoing = OutgoingDatagram(
            socket: registeredFiles.file(of: forward.relay),
            destination: SocketAddress(destination),
            buffer: datagram.buffer,
            payloadOffset: datagram.offset &+ forward.offset,
            payloadCount: forward.count
        )
        let appended = append(outgoing, times: times, stride: stride)
        statistics.datagramsToPeers &+= appended
        statistics.bytesToPeers &+= appended &* UInt64(truncatingIfNeeded: forward.count)
    }

    private mutating func reply(
        count: Int,
        to client: TransportAddress,
        from listener: ListenerIndex
    ) {
        guard let place = replies.place(count: count, in: &pool) else {
            statistics.dropsNoReplyBuffer &+= 1
            return
        }
        let outgoing = OutgoingDatagram(
            socket: registeredFiles.file(of: listener),
            destination: SocketAddress(client),
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
    /// Adds a run of datagrams to this pass's sends.
    ///
    /// - Returns: how many found a slot.
    mutating func append(_ datagram: OutgoingDatagram, times: Int, stride: Int) -> UInt64 {
        let appended = batch.append(datagram, times: times, stride: stride, pool: &pool)
        statistics.dropsNoSendSlot &+= UInt64(truncatingIfNeeded: times &- appended)
        return UInt64(truncatingIfNeeded: appended)
    }

    /// Ends this pass's hold on a received buffer; sends that name it keep it.
    mutating func release(_ buffer: BufferIndex) {
        if pool.release(buffer) { pool.free(buffer) }
    }
}
