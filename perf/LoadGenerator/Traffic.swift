/// The traffic itself: one loop that sends what is due, receives what came, and checks all of it.

import CLoad
import Glibc

struct Traffic: ~Copyable {
    let options: TrafficOptions
    private let directions: [LaneDirection]
    let flows: [Flow]
    let table = PayloadTable()
    /// Peers send payloads as they are.
    private let unframed = Framing.none()
    private var clientOutbox: Outbox
    private var peerOutbox: Outbox
    var clientInbox: Inbox
    var peerInbox: Inbox
    /// Two for each flow: up, down.
    var lanes: [Lane]
    var tally = Tally()
    var latency = LatencyHistogram()
    /// For paced runs: whose turn it is.
    private var turn = 0

    init(options: TrafficOptions, flows: [Flow], clients: Int32, peers: Int32) {
        self.options = options
        self.flows = flows
        directions = options.direction.lanes
        clientOutbox = Outbox(socket: clients)
        peerOutbox = Outbox(socket: peers)
        // A deep inbox costs more to look into; paced runs find one or none.
        let depth = options.rate > 0 ? 8 : 64
        clientInbox = Inbox(socket: clients, depth: depth)
        peerInbox = Inbox(socket: peers, depth: depth)
        lanes = [Lane](repeating: Lane(), count: flows.count * 2)
    }

    /// Warms up, measures, waits for the last.
    ///
    /// `usage` reads what the server has used.
    mutating func run(usage: () -> ProcessUsage) -> TrafficResult {
        play(seconds: options.warmup)
        latency.reset()
        tally.latestNanoseconds = 0
        let begin = Mark(tally: tally, usage: usage())
        play(seconds: options.seconds)
        let end = Mark(tally: tally, usage: usage())
        settle()
        return TrafficResult(
            begin: begin,
            end: end,
            sent: lanes.reduce(0) { $0 + $1.sent },
            received: lanes.reduce(0) { $0 + $1.received },
            total: tally,
            latency: latency,
            refusedSends: clientOutbox.refused + peerOutbox.refused
        )
    }

    private mutating func play(seconds: Double) {
        let begin = monotonicNanoseconds()
        let end = begin + UInt64(seconds * 1e9)
        if options.rate > 0 {
            playPaced(from: begin, until: end)
        } else {
            playSaturating(until: end)
        }
    }

    /// Keeps every lane's window full.
    private mutating func playSaturating(until end: UInt64) {
        var now = monotonicNanoseconds()
        while now < end {
            let moved = fillWindows(at: now) + drain()
            now = account(since: now, moved: moved)
        }
    }

    /// Sends each unit when it is due, one by one, spinning in between.
    private mutating func playPaced(from begin: UInt64, until end: UInt64) {
        let unit = options.pattern.count
        let interval = 1e9 / options.rate * Double(unit)
        var units = 0
        var now = monotonicNanoseconds()
        while now < end {
            var moved = 0
            let due = begin + UInt64(Double(units) * interval)
            if now >= due {
                tally.latestNanoseconds = max(tally.latestNanoseconds, now - due)
                sendNextInTurn(at: now)
                units += 1
                moved = unit
            }
            moved += drain()
            now = account(since: now, moved: moved)
        }
    }

    /// Receives until nothing has come for a while.
    private mutating func settle() {
        let patience: UInt64 = 300_000_000
        var last = monotonicNanoseconds()
        while monotonicNanoseconds() - last < patience {
            if drain() > 0 { last = monotonicNanoseconds() }
        }
    }

    /// Adds a pass to the busy time if it did something.
    ///
    /// Returns the time now.
    private mutating func account(since begin: UInt64, moved: Int) -> UInt64 {
        let now = monotonicNanoseconds()
        if moved > 0 { tally.busyNanoseconds &+= now - begin }
        return now
    }

    /// One unit into every lane that has room.
    ///
    /// Returns how many datagrams went.
    private mutating func fillWindows(at now: UInt64) -> Int {
        let unit = options.pattern.count
        let room = UInt64(unit * (options.window - 1))
        var moved = 0
        for flow in flows.indices {
            for direction in directions {
                let lane = flow * 2 + direction.rawValue
                lanes[lane].forgive(at: now, patience: 50_000_000)
                guard lanes[lane].inFlight <= room else { continue }
                enqueueUnit(flow: flow, direction: direction)
                moved += unit
            }
        }
        clientOutbox.flush()
        peerOutbox.flush()
        return moved
    }

    private mutating func sendNextInTurn(at now: UInt64) {
        let flow = turn / directions.count
        enqueueUnit(flow: flow, direction: directions[turn % directions.count])
        turn = (turn + 1) % (flows.count * directions.count)
        clientOutbox.flush()
        peerOutbox.flush()
    }

    private mutating func enqueueUnit(flow: Int, direction: LaneDirection) {
        switch direction {
        case .up:
            let place = flows[flow]
            Traffic.enqueue(
                options.pattern,
                size: options.size,
                Route(source: place.client, destination: place.server, framing: place.framing),
                laneIndex: flow * 2,
                lane: &lanes[flow * 2],
                table: table,
                into: &clientOutbox
            )
        case .down:
            let place = flows[flow]
            Traffic.enqueue(
                options.pattern,
                size: options.size,
                Route(source: place.peer, destination: place.relay, framing: unframed),
                laneIndex: flow * 2 + 1,
                lane: &lanes[flow * 2 + 1],
                table: table,
                into: &peerOutbox
            )
        }
    }

    private struct Route {
        var source: Endpoint
        var destination: Endpoint
        var framing: Framing
    }

    private static func enqueue(
        _ pattern: Pattern,
        size: Int,
        _ route: Route,
        laneIndex: Int,
        lane: inout Lane,
        table: borrowing PayloadTable,
        into outbox: inout Outbox
    ) {
        let time = monotonicNanoseconds()
        if lane.inFlight == 0 { lane.touch(at: time) }
        for position in 0..<pattern.count {
            if position == 0 || !pattern.isSegmented {
                outbox.begin(
                    from: route.source.address,
                    to: route.destination,
                    payloads: pattern.isSegmented ? pattern.count : 1
                )
            }
            let header = PayloadHeader(
                lane: UInt64(laneIndex),
                sequence: lane.next(),
                time: time
            )
            let body = iovec(
                iov_base: table.body(of: header),
                iov_len: size - PayloadHeader.count
            )
            outbox.append(header, framing: route.framing, body: body)
        }
        if pattern.isSegmented, pattern.count > 1 {
            outbox.segmentLast(
                by: route.framing.prefixCount + size + route.framing.paddingCount
            )
        }
    }
}
