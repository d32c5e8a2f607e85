/// Data from peers to a client (RFC 8656 11.5, 12.6).
public import STUN

extension TURNServer {
    /// Handles a datagram of `count` bytes from a peer; called for each of a coalesced train.
    public mutating func receive(
        fromPeer peer: TransportAddress,
        on relay: RelayIndex,
        count: Int,
        at now: Now
    ) -> PeerVerdict {
        let verdict = relayFromPeer(peer, on: relay, count: count, at: now.monotonic)
        if case .drop(let reason) = verdict { counters.count(reason) }
        return verdict
    }

    private mutating func relayFromPeer(
        _ peer: TransportAddress,
        on relay: RelayIndex,
        count: Int,
        at now: Instant
    ) -> PeerVerdict {
        guard let path = path(from: peer, on: relay) else { return .drop(.noAllocation) }
        guard table.isLive(path.permission, at: now) else { return .drop(.noPermission) }
        let relayed = table.allocations[path.allocation][path.peer.ip.family]
        guard relayed.expiry > now else { return .drop(.noAllocation) }
        let delivery = delivery(along: path, at: now)
        let headerCount = delivery.headerCount
        guard count <= Limits.datagramBytes - headerCount - 3 else { return .drop(.oversized) }
        let isWithinBandwidth = table.allocations[path.allocation].bandwidthToClient.take(
            UInt64(count),
            of: bandwidth,
            at: now
        )
        return isWithinBandwidth ? .deliver(delivery) : .drop(.bandwidth)
    }

    /// The tables' answer for a peer's address as the kernel gives it, remembered for the next datagram.
    private mutating func path(from peer: TransportAddress, on relay: RelayIndex) -> PeerPath? {
        if table.recent.relay == relay, table.recent.peer == peer { return table.recent.path }
        let canonical = own.canonical(peer.ip)
        let source = TransportAddress(ip: canonical, port: peer.port)
        guard var path = table.path(from: source, on: relay) else { return nil }
        path.peer.ip = own.external(canonical)
        table.recent.relay = relay
        table.recent.peer = peer
        table.recent.path = path
        return path
    }

    /// ChannelData if and only if a channel is bound to the peer.
    private mutating func delivery(along path: PeerPath, at now: Instant) -> Delivery {
        let isBound = path.channel.isSome && table.channels[path.channel].expiry > now
        return Delivery(
            fiveTuple: table.allocations[path.allocation].fiveTuple,
            channel: isBound ? table.channels[path.channel].number : 0,
            peer: path.peer,
            transactionID: isBound ? TransactionID(high: 0, low: 0) : nextTransactionID(),
            isCopied: table.moving > 0
                && table.allocations[path.allocation].mobility.next != nil
        )
    }

    /// An id for an indication: unpredictable without the seed, and different from the last 2^64.
    mutating func nextTransactionID() -> TransactionID {
        indications &+= 1
        return TransactionID(
            high: UInt32(truncatingIfNeeded: transactionHash(indications, 1)),
            low: transactionHash(indications)
        )
    }
}
