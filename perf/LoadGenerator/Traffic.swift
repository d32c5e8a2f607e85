/// The traffic itself: one loop that sends what is due, receives what came, and checks all of it.

import CLoad
import Glibc

struct Traffic: ~Copyable {
    let plan: TrafficPlan
    let table = PayloadTable()
    let flows: UnsafeMutablePointer<Flow>
    let flowCount: Int
    /// Of the lanes that send, flow by flow.
    let routes: UnsafeMutablePointer<Route>
    let routeCount: Int
    /// Two for each flow: up, down.
    let lanes: UnsafeMutablePointer<Lane>
    var clientOutbox: Outbox
    var peerOutbox: Outbox
    /// The clients' connections; none when they come over UDP.
    var streams: Streams
    /// Those who only shake hands; nobody unless asked for.
    var crowd: HandshakeCrowd
    let clientInbox: Inbox
    let peerInbox: Inbox
    var tally = Tally()
    var stamps: Stamps
    var latency = LatencyHistogram()
    /// How far paced sends were behind their schedule.
    var lateness = LatencyHistogram()
    /// For paced runs: the route whose turn it is.
    var turn = 0

    /// Traffic over flows that are set up; `clients` and `peers` are the sockets that all of them share,
    /// `streams` what clients have that do not come over UDP.
    ///
    /// What it takes it keeps until the program ends.
    init(
        options: TrafficOptions,
        flows: [Flow],
        clients: Int32,
        peers: Int32,
        streams: consuming Streams,
        crowd: consuming HandshakeCrowd
    ) throws {
        let clientInbox = try Inbox(socket: clients, depth: 64)
        let peerInbox = try Inbox(socket: peers, depth: 64)
        self.clientInbox = clientInbox
        self.peerInbox = peerInbox
        clientOutbox = Outbox(socket: clients)
        peerOutbox = Outbox(socket: peers)
        self.streams = streams
        self.crowd = crowd
        plan = TrafficPlan(options)
        stamps = Stamps(areUsed: options.kernelStamps)
        let routes = flows.indices.flatMap { index in
            options.direction.lanes.map { Route(flows[index], index: index, $0) }
        }
        self.flows = .allocate(copying: flows)
        self.routes = .allocate(copying: routes)
        lanes = .allocate(copying: [Lane](repeating: Lane(), count: flows.count * 2))
        flowCount = flows.count
        routeCount = routes.count
    }

    /// Warms up, measures, waits for the last.
    ///
    /// `usage` reads what the server has used.
    mutating func run(usage: () -> ProcessUsage) -> TrafficResult {
        play(seconds: plan.warmup)
        for lane in 0..<flowCount * 2 { lanes[lane].countFromHere() }
        lateness = LatencyHistogram()
        crowd.startOver()
        let itself = ServerProcess(pid: getpid())
        let begin = Mark(tally: tally, usage: usage(), own: itself.usage())
        play(seconds: plan.seconds)
        let end = Mark(tally: tally, usage: usage(), own: itself.usage())
        settle()
        return TrafficResult(
            begin: begin,
            end: end,
            sent: (0..<flowCount * 2).reduce(0) { $0 + lanes[$1].sent },
            received: (0..<flowCount * 2).reduce(0) { $0 + lanes[$1].received },
            total: tally,
            latency: latency,
            lateness: lateness,
            refusedSends: clientOutbox.refused + peerOutbox.refused + streams.refused,
            endedStreams: streams.endedCount,
            handshakes: crowd.tally
        )
    }

    private mutating func play(seconds: Double) {
        let begin = monotonicNanoseconds()
        let end = begin + UInt64(seconds * 1e9)
        if plan.rate > 0 {
            playPaced(from: begin, until: end)
        } else {
            playSaturating(until: end)
        }
    }

    /// Keeps every lane's window full.
    private mutating func playSaturating(until end: UInt64) {
        var now = monotonicNanoseconds()
        while now < end {
            let moved = fillWindows(at: now) + drain() + shakeHands(at: now)
            now = account(since: now, moved: moved)
        }
    }

    /// Sends each unit when it is due, one by one, spinning in between.
    private mutating func playPaced(from begin: UInt64, until end: UInt64) {
        let unit = plan.pattern.count
        let interval = 1e9 / plan.rate * Double(unit)
        var units = 0
        var now = monotonicNanoseconds()
        while now < end {
            var moved = 0
            let due = begin + UInt64(Double(units) * interval)
            if now >= due {
                lateness.record(now - due)
                sendNextInTurn()
                units += 1
                moved = unit
            }
            moved += drain() + shakeHands(at: now)
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

    /// Adds a pass to the idle time if it did nothing.
    ///
    /// An idle pass takes about a microsecond; one that took long was not on the CPU. Returns the time now.
    private mutating func account(since begin: UInt64, moved: Int) -> UInt64 {
        let now = monotonicNanoseconds()
        if moved == 0 { tally.idleNanoseconds &+= min(now - begin, 5000) }
        return now
    }
}

extension UnsafeMutablePointer {
    /// Memory that holds a copy of an array.
    fileprivate static func allocate(copying elements: [Pointee]) -> UnsafeMutablePointer {
        let memory = allocate(capacity: elements.count)
        memory.initialize(from: elements, count: elements.count)
        return memory
    }
}
