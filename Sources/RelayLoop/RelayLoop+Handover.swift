/// What a loop has to do with allocations that follow their clients (RFC 8016): it reads the post, and lends its sockets.

internal import Exchange
internal import IOURing
internal import STUN
internal import TURN

extension RelayLoop {
    /// Reads what other threads sent; each may have a bounded number of words waiting.
    mutating func receiveHandovers() {
        if post.threads < 2 { return }
        let now = Clock.now()
        for sender in 0..<post.threads {
            for _ in 0..<Limits.handovers {
                guard let handover = post.receive(at: index, from: sender) else { break }
                memory.engine.receive(handover, through: post, at: now, sockets: &sockets)
            }
        }
    }
}

extension RelaySockets: HandoverSockets {
    func duplicate(_ relay: RelayIndex) -> Int32? {
        DatagramSocket.duplicate(descriptor(of: relay))
    }

    func close(duplicate descriptor: Int32) { _ = DatagramSocket(adopting: descriptor) }

    func releaseQuota(userTag: UInt64) { shared.quota.release(userTag: userTag) }
}
