/// The traffic of a run as plain values: the options, read once, so that the loop touches no property wrapper.

struct TrafficPlan {
    let target: Target
    let transport: Transport
    let pattern: Pattern
    let size: Int
    let rate: Double
    let window: Int
    let seconds: Double
    let warmup: Double

    init(_ options: TrafficOptions) {
        target = options.target
        transport = options.transport
        pattern = options.pattern
        size = options.size
        rate = options.rate
        window = options.window
        seconds = options.seconds
        warmup = options.warmup
    }
}

/// How the datagrams of a lane leave.
struct Route {
    /// The lane's number, which its payloads carry.
    let lane: Int
    let direction: LaneDirection
    let source: Endpoint
    let destination: Endpoint
    let framing: Framing

    init(_ flow: Flow, index: Int, _ direction: LaneDirection) {
        lane = index * 2 + direction.rawValue
        self.direction = direction
        switch direction {
        case .up:
            source = flow.client
            destination = flow.server
            framing = flow.framing
        case .down:
            source = flow.peer
            destination = flow.relay
            // Peers send payloads as they are.
            framing = .none()
        }
    }
}
