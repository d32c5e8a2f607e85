/// Bursts: a datagram that is like the one before it goes the same way, without asking again.

internal import IOURing
internal import STUN
internal import TURN

/// The datagram that was handled last, and how it left.
///
/// There is one only while receives follow one another: whatever else happens makes the engine forget it, so that what
/// the server said of it still holds. A datagram of a train is none, nor is one whose sender's bandwidth is counted.
struct Precedent: BitwiseCopyable {
    /// The socket that it came from; `none` when there is no precedent.
    var file = Self.none
    /// Who sent it.
    var source = TransportAddress(ip: IPAddress(ipv4: 0), port: 0)
    /// Where it began in its buffer, and its bytes.
    var offset = 0, count = 0
    /// The marks with which it came.
    var trafficClass: UInt8 = 0
    /// The channel: of a client's ChannelData, or of the header put before what a peer sent.
    var channel: UInt16 = 0
    /// Whether a client sent it.
    var isFromClient = false
    /// How it left.
    var datagram = OutgoingDatagram(
        socket: 0,
        destination: SocketAddress(ipv4: 0, port: 0),
        buffer: BufferIndex(rawValue: 0),
        payloadOffset: 0,
        payloadCount: 0
    )

    /// No registered file has this number.
    static var none: UInt32 { .max }
}

extension RelayEngine {
    /// Makes the next datagram be looked at by itself: something else than a receive may have changed what holds.
    public mutating func forgetPrecedent() { precedent.file = Precedent.none }

    /// Sends a datagram the way of the one before, when both came from one socket and sender and differ in nothing but
    /// their payloads.
    ///
    /// - Returns: False when it has to be handled by itself.
    mutating func follow(_ received: ReceivedBuffer, from file: UInt32) -> Bool {
        guard precedent.file == file, received.count == precedent.count,
            received.offset == precedent.offset, received.segmentSize == received.count,
            received.trafficClass == precedent.trafficClass, received.source == precedent.source
        else { return false }
        if precedent.isFromClient { return followToPeer(received) }
        followToClient(received)
        return true
    }

    private mutating func followToPeer(_ received: ReceivedBuffer) -> Bool {
        let range = received.offset..<(received.offset &+ received.count)
        guard let header = ChannelData(pool.bytes(received.buffer, range)),
            header.channel == precedent.channel, header.count == precedent.datagram.payloadCount
        else { return false }
        statistics.datagramsFromClients &+= 1
        statistics.bytesFromClients &+= UInt64(truncatingIfNeeded: received.count)
        let appended = sendAsBefore(received.buffer)
        statistics.datagramsToPeers &+= appended
        statistics.bytesToPeers &+= appended &* UInt64(truncatingIfNeeded: header.count)
        return true
    }

    private mutating func followToClient(_ received: ReceivedBuffer) {
        let start = precedent.datagram.headerOffset
        var bytes = pool.mutableBytes(received.buffer, start..<received.offset)
        ChannelData.writeHeader(channel: precedent.channel, count: received.count, into: &bytes)
        statistics.datagramsFromPeers &+= 1
        statistics.bytesFromPeers &+= UInt64(truncatingIfNeeded: received.count)
        let appended = sendAsBefore(received.buffer)
        let count = received.count &+ ChannelData.headerCount
        statistics.datagramsToClients &+= appended
        statistics.bytesToClients &+= appended &* UInt64(truncatingIfNeeded: count)
    }

    private mutating func sendAsBefore(_ buffer: BufferIndex) -> UInt64 {
        precedent.datagram.buffer = buffer
        let appended = append(precedent.datagram)
        release(buffer)
        return appended
    }

    /// Remembers how a client's ChannelData left.
    mutating func remember(_ message: ClientMessage, _ forward: Forward, as sent: OutgoingDatagram)
    {
        guard forward.offset == ChannelData.headerCount, message.fiveTuple.connection == .none,
            !server.limitsBandwidth
        else { return }
        let range = message.offset..<(message.offset &+ message.count)
        guard let header = ChannelData(pool.bytes(message.buffer, range)) else { return }
        precedent = Precedent(
            file: registeredFiles.file(of: message.fiveTuple.listener),
            source: message.fiveTuple.client,
            offset: message.offset,
            count: message.count,
            trafficClass: message.trafficClass,
            channel: header.channel,
            isFromClient: true,
            datagram: sent
        )
    }

    /// Remembers how a peer's datagram went to a client as ChannelData.
    mutating func remember(
        _ received: ReceivedBuffer,
        from file: UInt32,
        _ delivery: Delivery,
        as sent: OutgoingDatagram
    ) {
        guard delivery.channel != 0, delivery.fiveTuple.connection == .none, !delivery.isCopied,
            !server.limitsBandwidth, sent.paddingCount == 0
        else { return }
        precedent = Precedent(
            file: file,
            source: received.source,
            offset: received.offset,
            count: received.count,
            trafficClass: received.trafficClass,
            channel: delivery.channel,
            isFromClient: false,
            datagram: sent
        )
    }
}
