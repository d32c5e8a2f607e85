/// The clients' half of the traffic when it goes over TCP or TLS.

extension Traffic {
    /// One unit into a client's stream, to leave with the next flush as one write.
    mutating func enqueueOnStream(_ route: Route) {
        let lane = lanes + route.lane
        let time = monotonicNanoseconds()
        if lane.pointee.inFlight == 0 { lane.pointee.touch(at: time) }
        for _ in 0..<plan.pattern.count {
            let header = PayloadHeader(
                lane: UInt64(route.lane),
                sequence: lane.pointee.take(),
                time: time
            )
            streams.append(
                header,
                framing: route.framing,
                body: table.body(of: header),
                bodyCount: plan.size - PayloadHeader.count,
                to: route.lane / 2
            )
        }
    }

    /// Takes in what one look finds in the clients' streams.
    ///
    /// Returns how many messages came.
    mutating func drainStreams() -> Int {
        streams.flush()
        var moved = 0
        for position in 0..<streams.look() {
            let flow = streams.ready(position)
            while streams.read(flow) {
                moved += takeApartStream(flow, at: monotonicNanoseconds())
                // What is left in a socket is found again; what is left in TLS is not.
                if !streams.isTLS { break }
            }
        }
        return moved
    }

    /// Walks the messages that are whole.
    private mutating func takeApartStream(_ flow: Int, at now: UInt64) -> Int {
        var moved = 0
        while true {
            let (start, count) = streams.bytes(flow)
            switch StreamFrame(start, count: count) {
            case .partial:
                return moved
            case .message(let content, let whole):
                unwrap(start, count: content, flow: flow, at: now)
                streams.take(whole, from: flow)
                moved += 1
            case .broken:
                tally.corrupted &+= 1
                streams.end(flow)
                return moved + 1
            }
        }
    }

    /// One step of those who shake hands beside the traffic.
    ///
    /// Returns how many got on.
    mutating func shakeHands(at now: UInt64) -> Int { crowd.pass(at: now) ? 1 : 0 }
}
