/// Retransmission of DTLS handshakes (RFC 6347 4.2.4).

internal import IOURing
internal import TLS
internal import TURN

extension RelayEngine {
    /// Repeats the flights of handshakes whose answer does not come.
    mutating func retransmitHandshakes<Opener: RelayOpener & ~Copyable>(
        at now: Now,
        opener: inout Opener
    ) {
        if security.datagram == nil { return }
        for place in 0..<security.places.count {
            guard let index = handshaker(at: place), connections[index].layer == .dtls,
                let timer = security.sessions.nextTimer(
                    index.rawValue,
                    nowNanoseconds: now.monotonic.nanoseconds
                ), timer <= now.monotonic.nanoseconds
            else { continue }
            let scratch = connections.scratch
            let progress = Self.retransmit(
                index,
                &security.sessions,
                &connections.chunks,
                scratch
            )
            send(progress, of: scratch, to: index)
            if case .failed = progress.state {
                security.failures &+= 1
                end(index, draining: false, at: now, opener: &opener)
            }
        }
    }

    private static func retransmit(
        _ index: ConnectionIndex,
        _ sessions: inout TLSSessions,
        _ chunks: inout BufferPool,
        _ scratch: BufferIndex
    ) -> TLSProgress {
        var output = chunks.mutableBytes(scratch, 0..<chunks.size)
        return sessions.retransmit(index.rawValue, output: &output)
    }
}
