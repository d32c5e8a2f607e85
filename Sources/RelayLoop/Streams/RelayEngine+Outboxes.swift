/// What goes to clients over streams: whole messages behind one another, as far as there is room.

internal import IOURing
internal import STUN
internal import TURN

extension RelayEngine {
    /// Puts the answer in the scratch into a connection's outbox.
    ///
    /// A stranger that asks and does not read what it is told is let go.
    ///
    /// In a WebSocket it becomes a message, unless it is a frame already.
    mutating func replyOnConnection(
        count: Int,
        to index: ConnectionIndex,
        isFramed: Bool = false
    ) {
        let connection = connections[index]
        guard connection.phase == .open else { return }
        guard !connection.isAwaitingRoom || connection.hasAllocation,
            isFramed
                ? connections.makeRoom(for: count, of: index) : connections.begin(count, to: index)
        else {
            connections.statistics.dropsConnectionFull &+= 1
            if !connection.hasAllocation { connections[index].ending = .atOnce }
            return
        }
        Self.append(replies.scratch, count: count, to: &connections, index)
        endMessage(of: index)
        statistics.datagramsToClients &+= 1
        statistics.bytesToClients &+= UInt64(truncatingIfNeeded: count)
    }

    /// Puts datagrams of a peer into a connection's outbox, each whole or not at all.
    ///
    /// The header of all of them lies in the buffer too; they are `stride` bytes apart.
    mutating func append(
        _ datagram: OutgoingDatagram,
        times: Int,
        stride: Int,
        to index: ConnectionIndex
    ) {
        guard connections[index].phase == .open else { return }
        guard connections[index].layer != .dtls else {
            return appendDatagrams(datagram, times: times, stride: stride, to: index)
        }
        let appended = Self.append(
            datagram,
            times: times,
            stride: stride,
            in: pool,
            to: &connections,
            index
        )
        connections.statistics.dropsConnectionFull &+= UInt64(truncatingIfNeeded: times &- appended)
        if appended == 0 { return }
        endMessage(of: index)
        statistics.datagramsToClients &+= UInt64(truncatingIfNeeded: appended)
        statistics.bytesToClients &+= UInt64(truncatingIfNeeded: appended &* datagram.count)
    }

    /// Under DTLS each message is a datagram.
    private mutating func appendDatagrams(
        _ datagram: OutgoingDatagram,
        times: Int,
        stride: Int,
        to index: ConnectionIndex
    ) {
        var next = datagram
        for _ in 0..<times {
            let appended = Self.append(next, times: 1, stride: 0, in: pool, to: &connections, index)
            if appended == 1 { endMessage(of: index) }
            next.payloadOffset &+= stride
        }
    }

    /// What a connection has to send leaves at the end of the pass; under DTLS it becomes a datagram now.
    private mutating func endMessage(of index: ConnectionIndex) {
        if connections[index].layer == .dtls {
            seal(datagram: index)
        } else {
            connections.markDirty(index)
        }
    }

    /// The fields come apart so that buffers are read while outboxes are written.
    private static func append(
        _ datagram: OutgoingDatagram,
        times: Int,
        stride: Int,
        in pool: borrowing BufferPool,
        to connections: inout Connections,
        _ index: ConnectionIndex
    ) -> Int {
        let header = datagram.headerOffset..<(datagram.headerOffset &+ datagram.headerCount)
        var start = datagram.payloadOffset
        for done in 0..<times {
            guard connections.begin(datagram.count, to: index) else { return done }
            connections.append(pool.bytes(datagram.buffer, header), to: index)
            let payload = start..<(start &+ datagram.payloadCount)
            connections.append(pool.bytes(datagram.buffer, payload), to: index)
            connections.appendZeros(datagram.paddingCount, to: index)
            start &+= stride
        }
        return times
    }

    static func append(
        _ scratch: borrowing ReplyWriter.Scratch,
        count: Int,
        to connections: inout Connections,
        _ index: ConnectionIndex
    ) {
        connections.append(scratch.span.rawBytes.extracting(0..<count), to: index)
    }
}
