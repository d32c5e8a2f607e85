/// The sending half of the traffic: units (a datagram, a burst, a train) for the lanes whose turn it is.

extension Traffic {
    /// One unit into every lane that has room.
    ///
    /// Returns how many datagrams went.
    mutating func fillWindows(at now: UInt64) -> Int {
        let unit = plan.pattern.count
        let room = UInt64(unit * (plan.window - 1))
        var moved = 0
        for index in 0..<routeCount {
            let lane = lanes + routes[index].lane
            lane.pointee.forgive(at: now, patience: 50_000_000)
            guard lane.pointee.inFlight <= room else { continue }
            enqueueUnit(routes[index])
            moved += unit
        }
        if moved > 0 { flush() }
        return moved
    }

    /// One unit into the lane whose turn it is.
    mutating func sendNextInTurn() {
        enqueueUnit(routes[turn])
        turn = turn + 1 < routeCount ? turn + 1 : 0
        flush()
    }

    private mutating func flush() {
        clientOutbox.flush()
        streams.flush()
        peerOutbox.flush()
    }

    private mutating func enqueueUnit(_ route: Route) {
        switch (route.direction, plan.transport) {
        case (.up, .tcp), (.up, .tls):
            enqueueOnStream(route)
        case (.up, .udp):
            Traffic.enqueue(plan, route, &lanes[route.lane], table, into: &clientOutbox)
        case (.down, _):
            Traffic.enqueue(plan, route, &lanes[route.lane], table, into: &peerOutbox)
        }
    }

    private static func enqueue(
        _ plan: TrafficPlan,
        _ route: Route,
        _ lane: inout Lane,
        _ table: borrowing PayloadTable,
        into outbox: inout Outbox
    ) {
        let (count, isSegmented) = (plan.pattern.count, plan.pattern.isSegmented)
        let time = monotonicNanoseconds()
        if lane.inFlight == 0 { lane.touch(at: time) }
        for position in 0..<count {
            if position == 0 || !isSegmented {
                outbox.begin(
                    from: route.source.address,
                    to: route.destination,
                    payloads: isSegmented ? count : 1
                )
            }
            let header = PayloadHeader(
                lane: UInt64(route.lane),
                sequence: lane.take(),
                time: time
            )
            outbox.append(
                header,
                framing: route.framing,
                body: table.body(of: header),
                bodyCount: plan.size - PayloadHeader.count
            )
        }
        if isSegmented, count > 1 {
            outbox.segmentLast(
                by: route.framing.prefixCount + plan.size + route.framing.paddingCount
            )
        }
    }
}
