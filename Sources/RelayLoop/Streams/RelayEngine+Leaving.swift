/// Data connections of clients that the kernel gave to another thread than the one that has their peer's connection.

internal import IOURing
internal import STUN
internal import TLS
internal import TURN

/// A connection on its way to the thread that it belongs to; its unread bytes go beside it.
struct TravellingConnection: Sendable, BitwiseCopyable {
    var fiveTuple: FiveTuple
    var descriptor: Int32
    /// Its session under TLS.
    var session: TLSSession?
}

extension RelayEngine {
    /// Sends a connection on its way if its message asks for a connection of another thread.
    ///
    /// - Returns: whether it leaves, and takes the message along.
    mutating func leaves(
        _ index: ConnectionIndex,
        for buffer: BufferIndex,
        _ range: Range<Int>
    ) -> Bool {
        mayLeave(index) && leaves(index, to: owner(of: pool.bytes(buffer, range)))
    }

    /// The same for the message that has been kept.
    mutating func leavesForCarried(_ index: ConnectionIndex) -> Bool {
        mayLeave(index) && leaves(index, to: owner(of: connections.carried(index)))
    }

    private func mayLeave(_ index: ConnectionIndex) -> Bool {
        let connection = connections[index]
        return threadCount > 1 && connections.limits.peers > 0 && connection.layer != .dtls
            && !connection.hasAllocation && !connection.wasHandedOver && !connection.receivesOn
    }

    /// The other thread that a message is for.
    private func owner(of message: RawSpan) -> UInt16? {
        guard let id = ConnectionID.wanted(by: message), id.thread != threadNumber,
            id.thread < threadCount
        else { return nil }
        return UInt16(truncatingIfNeeded: id.thread)
    }

    private mutating func leaves(_ index: ConnectionIndex, to thread: UInt16?) -> Bool {
        guard let thread else { return false }
        connections[index].role = .leaving
        connections[index].joining.thread = thread
        return true
    }

    /// Keeps what the thread that owns a connection shall read.
    mutating func keepForOwner(
        _ range: Range<Int>,
        of buffer: BufferIndex,
        of index: ConnectionIndex
    ) {
        let fits = connections[index].carry.count + range.count <= Limits.chunkBytes
        if !fits || !carry(range, of: buffer, ofMessage: Limits.chunkBytes, for: index) {
            connections.statistics.handoversRefused &+= 1
            connections[index].ending = .atOnce
        }
    }

    /// What goes with a connection that leaves; its session is nobody's until it arrives.
    mutating func pack(_ index: ConnectionIndex) -> TravellingConnection {
        TravellingConnection(
            fiveTuple: connections[index].fiveTuple,
            descriptor: connections[index].descriptor,
            session: security.sessions.take(index.rawValue)
        )
    }

    /// Enters a connection of another thread; `nil` when there is no place for it.
    mutating func unpack(
        _ travelling: TravellingConnection,
        at now: Now
    ) -> ConnectionIndex? {
        let place = connections.open(
            travelling.fiveTuple,
            descriptor: travelling.descriptor,
            at: now.seconds
        )
        guard let index = place else { return nil }
        connections[index].wasHandedOver = true
        connections[index].speech = .messages
        connections[index].layer = travelling.session == nil ? .plain : .tls
        if let session = travelling.session { security.sessions.put(session, at: index.rawValue) }
        return index
    }

    /// Handles what a connection brought with it, which is plain text already.
    mutating func receiveBrought<Opener: RelayOpener & ~Copyable>(
        _ bytes: RawSpan,
        of index: ConnectionIndex,
        at now: Now,
        opener: inout Opener
    ) {
        var start = 0
        while start < bytes.byteCount, connections[index].ending == .no {
            guard let buffer = pool.take() else {
                connections[index].ending = .atOnce
                break
            }
            let end = min(bytes.byteCount, start + pool.size)
            pool.write(bytes.extracting(start..<end), to: buffer, at: 0)
            let range = 0..<(end - start)
            if receiveMessages(in: buffer, range, of: index, at: now, opener: &opener) {
                heard(index, at: now)
            }
            release(buffer)
            start = end
        }
        settleEnding(of: index, at: now, opener: &opener)
        wake(index)
    }
}
