/// What a run counts apart from its lanes.

struct Tally {
    /// Payloads that came whole, in any lane.
    var received: UInt64 = 0
    var payloadBytes: UInt64 = 0
    /// Arrived behind a later datagram of the same lane.
    var reordered: UInt64 = 0
    var duplicated: UInt64 = 0
    /// Changed, cut, wrongly framed, or arrived where it does not belong.
    var corrupted: UInt64 = 0
    /// Time of the passes that found nothing to do; the rest of its CPU time is what the generator costs.
    var idleNanoseconds: UInt64 = 0
}

/// The counters at one end of the measurement.
struct Mark {
    var tally: Tally
    /// Of the server.
    var usage: ProcessUsage
    /// Of the generator itself.
    var own: ProcessUsage
}

/// What a traffic run found.
struct TrafficResult {
    var begin: Mark
    var end: Mark
    /// What was sent after the warm-up, and how much of it came, also after the measured time.
    var sent: UInt64
    var received: UInt64
    var total: Tally
    var latency: LatencyHistogram
    /// How far paced sends were behind their schedule.
    var lateness: LatencyHistogram
    var refusedSends: Int
    /// Connections of clients that ended or whose framing broke.
    var endedStreams: Int
    /// Beside the traffic, in the measured time and a little after it.
    var handshakes: HandshakeTally
}
