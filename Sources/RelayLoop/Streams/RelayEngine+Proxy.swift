/// Connections that come through a load balancer: its header names the client.

internal import IOURing
internal import STUN
internal import TURN

extension RelayEngine {
    /// Takes the header of the PROXY protocol from the front of a stream, once all of it has come.
    ///
    /// - Returns: where the client's bytes begin; `nil` while they do not.
    mutating func receiveProxyHeader(
        in buffer: BufferIndex,
        _ range: Range<Int>,
        of index: ConnectionIndex
    ) -> Int? {
        let kept = connections[index].carry.count
        let room = ProxyHeader.longestHeader - kept
        let piece = range.lowerBound..<min(range.upperBound, range.lowerBound + room)
        let header: ProxyHeader
        if kept > 0 {
            guard carry(piece, of: buffer, ofMessage: kept + piece.count, for: index) else {
                breakOff(index)
                return nil
            }
            header = ProxyHeader(connections.carried(index))
        } else {
            header = ProxyHeader(pool.bytes(buffer, piece))
        }
        let count: Int
        switch header {
        case .source(let client, let headerCount, _):
            connections[index].fiveTuple.client = client
            count = headerCount
        case .local(let headerCount): count = headerCount
        case .needsMore where piece.count < room:
            if kept == 0, !carry(piece, of: buffer, ofMessage: piece.count, for: index) {
                breakOff(index)
            }
            return nil
        case .needsMore, .absent, .invalid:
            breakOff(index)
            return nil
        }
        connections.releaseCarry(of: index)
        connections[index].isBehindProxy = false
        return piece.lowerBound + count - kept
    }
}
