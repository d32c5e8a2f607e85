/// From peers: data goes to the client behind a ChannelData header or inside a Data indication.

internal import IOURing
internal import STUN
public import TURN

extension RelayEngine {
    /// Handles a buffer filled from a relayed socket.
    ///
    /// The header goes into the free room before the first datagram. Datagrams of one train that are
    /// equally long share it and the verdict: their sends gather header and payload from two places.
    public mutating func receive(_ received: ReceivedBuffer, on relay: RelayIndex, at now: Now) {
        let file = registeredFiles.file(of: relay)
        if follow(received, from: file) { return }
        forgetPrecedent()
        if hasHeirs, passOn(received, from: relay) { return }
        count(fromPeers: received)
        var header = DeliveryHeader(before: received.offset)
        var offset = received.offset
        let end = offset &+ received.count
        repeat {
            let count = min(received.segmentSize, end &- offset)
            let verdict = server.receive(
                fromPeer: received.source,
                on: relay,
                count: count,
                at: now
            )
            var times = 1
            if case .deliver(let delivery) = verdict {
                header.write(delivery, count: count, buffer: received.buffer, pool: &pool)
                if received.isCoalesced, !server.limitsBandwidth {
                    times = max(1, (end &- offset) / received.segmentSize)
                }
                let run = Run(received, offset: offset, count: count, times: times)
                let sent = deliver(delivery, header: header, run, every: received.segmentSize)
                if !received.isCoalesced {
                    remember(received, from: file, delivery, as: sent)
                }
                if delivery.isCopied {
                    copy(delivery, header: header, run, every: received.segmentSize, at: now)
                }
            }
            offset &+= times &* received.segmentSize
        } while offset < end
        release(received.buffer)
    }

    /// Delivers to where the client moves as well.
    @inline(never)
    private mutating func copy(
        _ delivery: Delivery,
        header: DeliveryHeader,
        _ run: Run,
        every stride: Int,
        at now: Now
    ) {
        guard let copy = server.copy(of: delivery, count: run.count, at: now) else { return }
        _ = deliver(copy, header: header, run, every: stride)
    }

    private mutating func deliver(
        _ delivery: Delivery,
        header: DeliveryHeader,
        _ run: Run,
        every stride: Int
    ) -> OutgoingDatagram {
        let client = delivery.fiveTuple
        let isPadded = delivery.channel == 0 || client.transport.isStream
        let padding = isPadded ? (0 &- run.count) & 3 : 0
        let outgoing = OutgoingDatagram(
            socket: registeredFiles.file(of: client.listener),
            destination: SocketAddress(client.client),
            buffer: run.buffer,
            headerOffset: header.offset,
            headerCount: header.count,
            payloadOffset: run.offset,
            payloadCount: run.count,
            paddingCount: padding,
            marks: PacketMarks(trafficClass: trafficClasses.outgoing(run.trafficClass))
        )
        guard client.connection == .none else {
            // A client on a connection of another thread gets its allocation there with its next message.
            if client.connection.isForeign {
                passOn(outgoing, times: run.times, stride: stride, to: client)
            } else {
                append(outgoing, times: run.times, stride: stride, to: client.connection)
            }
            return outgoing
        }
        let appended = append(outgoing, times: run.times, stride: stride)
        statistics.datagramsToClients &+= appended
        statistics.bytesToClients &+= appended &* UInt64(truncatingIfNeeded: outgoing.count)
        return outgoing
    }

    private mutating func count(fromPeers received: ReceivedBuffer) {
        statistics.datagramsFromPeers &+= received.datagramCount
        statistics.bytesFromPeers &+= UInt64(truncatingIfNeeded: received.count)
        if received.isCoalesced { statistics.coalescedReceives &+= 1 }
    }
}

/// Datagrams of a received buffer that are equally long and follow one another.
private struct Run {
    let buffer: BufferIndex
    /// Where the first one begins.
    let offset: Int
    /// Bytes of each.
    let count: Int
    let times: Int
    let trafficClass: UInt8

    init(_ received: ReceivedBuffer, offset: Int, count: Int, times: Int) {
        buffer = received.buffer
        self.offset = offset
        self.count = count
        self.times = times
        trafficClass = received.trafficClass
    }
}

/// The header of the deliveries of one received buffer.
///
/// Two fit the headroom: one for the full segments, which touches the first payload, and one for a
/// shorter last segment.
private struct DeliveryHeader {
    private(set) var offset: Int
    private(set) var count = 0
    private var payloadCount = -1
    private var end: Int

    init(before payload: Int) {
        end = payload
        offset = payload
    }

    /// Writes the header, unless the one before was for the same payload size.
    mutating func write(
        _ delivery: Delivery,
        count payloadCount: Int,
        buffer: BufferIndex,
        pool: inout BufferPool
    ) {
        if self.payloadCount == payloadCount { return }
        let size = delivery.headerCount
        if end &- size < 0 { return }
        self.payloadCount = payloadCount
        count = size
        offset = end &- size
        var bytes = pool.mutableBytes(buffer, offset..<end)
        _ = TURNServer.writeHeader(of: delivery, count: payloadCount, into: &bytes)
        end = offset
    }
}
