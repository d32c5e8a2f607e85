/// The way of a peer's datagram through the tables.
internal import STUN

extension AllocationTable {
    /// The way from `peer`, by its canonical address, through `relay`; nil without a permission or allocation.
    ///
    /// What it names may have ended.
    mutating func path(from peer: TransportAddress, on relay: RelayIndex) -> PeerPath? {
        guard let allocation = byRelay[relay], !allocations[allocation].mobility.isDetached else {
            return nil
        }
        var path = PeerPath(peer: peer, allocation: allocation)
        if let channel = channel(from: peer, of: allocation) {
            path.channel = channel
            path.permission = channels[channel].permission
        } else if let permission = permission(of: allocation, for: peer.ip) {
            path.permission = permission
        }
        return path
    }
}
