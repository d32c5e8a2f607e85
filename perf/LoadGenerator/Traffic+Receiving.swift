/// The receiving half of the traffic: every datagram is taken out of its framing, checked and counted.

import CLoad

extension Traffic {
    /// Takes in everything that one look into each socket finds.
    ///
    /// Returns how many datagrams came.
    mutating func drain() -> Int {
        var moved = 0
        if plan.transport != .udp { moved += drainStreams() }
        let fromServer = plan.transport == .udp ? clientInbox.receive() : 0
        if fromServer > 0 {
            let now = monotonicNanoseconds()
            for position in 0..<fromServer {
                moved += takeApart(clientInbox[position], direction: .down, lookedAt: now)
            }
        }
        let fromRelays = peerInbox.receive()
        if fromRelays > 0 {
            let now = monotonicNanoseconds()
            for position in 0..<fromRelays {
                moved += takeApart(peerInbox[position], direction: .up, lookedAt: now)
            }
        }
        return moved
    }

    /// Walks a datagram that the kernel may have put together of several.
    private mutating func takeApart(
        _ incoming: load_incoming,
        direction: LaneDirection,
        lookedAt now: UInt64
    ) -> Int {
        let now = stamps.arrival(of: incoming, lookedAt: now)
        let flow = Population.index(of: incoming.destination)
        guard flow < flowCount, incoming.was_truncated == 0, incoming.segment > 0 else {
            tally.corrupted &+= 1
            return 1
        }
        let sender = direction == .up ? flows[flow].relay : flows[flow].server
        let isFromServer =
            incoming.source == sender.address && incoming.source_port == sender.port
        var offset: UInt32 = 0
        var moved = 0
        while offset < incoming.count {
            let count = Int(min(incoming.segment, incoming.count - offset))
            let start = incoming.bytes + Int(offset)
            switch (isFromServer, direction) {
            case (true, .up): take(start, count: count, lane: flow * 2, at: now)
            case (true, .down): unwrap(start, count: count, flow: flow, at: now)
            case (false, _): tally.corrupted &+= 1
            }
            moved += 1
            offset += incoming.segment
        }
        return moved
    }

    /// Takes the server's framing off what a client got.
    mutating func unwrap(
        _ start: UnsafePointer<UInt8>,
        count: Int,
        flow: Int,
        at now: UInt64
    ) {
        let place = flows[flow]
        let payload: Range<Int>?
        switch (plan.target, place.channel) {
        case (.bare, 0): payload = 0..<count
        case (.turn, 0): payload = Unframing.indication(start, count: count, from: place.peer)
        case (_, let channel):
            payload = Unframing.channelData(start, count: count, channel: channel)
        }
        guard let payload else {
            tally.corrupted &+= 1
            return
        }
        take(start + payload.lowerBound, count: payload.count, lane: flow * 2 + 1, at: now)
    }

    /// Checks a payload and enters it into its lane.
    private mutating func take(
        _ payload: UnsafePointer<UInt8>,
        count: Int,
        lane: Int,
        at now: UInt64
    ) {
        guard count == plan.size, let header = table.check(payload, count: count),
            header.lane == UInt64(lane)
        else {
            tally.corrupted &+= 1
            return
        }
        switch lanes[lane].receive(header.sequence, at: now) {
        case .inOrder: break
        case .late: tally.reordered &+= 1
        case .duplicate:
            tally.duplicated &+= 1
            return
        case .impossible:
            tally.corrupted &+= 1
            return
        }
        tally.received &+= 1
        tally.payloadBytes &+= UInt64(count)
        guard header.sequence >= lanes[lane].firstCounted else { return }
        latency.record(stamps.latency(from: header.time, to: now))
    }
}
