/// When datagrams arrived by the kernel's own stamps, whenever the generator got round to looking.

import CLoad
import Glibc

/// Turns stamps of CLOCK_REALTIME into the generator's clock and checks each against what it knows.
///
/// Both clocks are kept by the same timekeeper: they run alike, and their distance changes only when somebody sets the
/// clock. A run in which that happens is void.
struct Stamps {
    /// How far apart two looks at the distance of the clocks may be, nanoseconds.
    private static let tolerance: UInt64 = 1000

    /// Whether sockets are asked for stamps; if not, arrivals count from when the generator looked.
    let areUsed: Bool
    private let distance = Stamps.measureDistance()
    /// Datagrams, or trains, without a stamp.
    private var missing = 0
    /// Stamps from before the datagram was sent, or from after it was looked at.
    private var impossible = 0

    init(areUsed: Bool) {
        self.areUsed = areUsed
    }

    /// When a datagram, or a train, arrived that was found at `now`.
    mutating func arrival(of incoming: load_incoming, lookedAt now: UInt64) -> UInt64 {
        guard areUsed else { return now }
        guard incoming.stamp != 0 else {
            missing += 1
            return now
        }
        let arrival = incoming.stamp &- distance
        guard arrival <= now &+ Stamps.tolerance else {
            impossible += 1
            return now
        }
        return min(arrival, now)
    }

    /// The time from sending to arrival.
    mutating func latency(from sent: UInt64, to arrival: UInt64) -> UInt64 {
        if arrival &+ Stamps.tolerance < sent { impossible += 1 }
        return arrival > sent ? arrival - sent : 0
    }

    /// Throws where the stamps of a run mean nothing.
    func check() throws {
        guard areUsed else { return }
        let now = Stamps.measureDistance()
        let step = max(now, distance) - min(now, distance)
        guard step <= Stamps.tolerance else {
            throw Failure("void: the clock was set by \(step) ns meanwhile")
        }
        guard missing == 0, impossible == 0 else {
            throw Failure(
                "void: \(missing) datagrams without a stamp, \(impossible) impossible ones"
            )
        }
    }

    /// How far CLOCK_REALTIME is before CLOCK_MONOTONIC, nanoseconds, by the quickest of some looks at both.
    private static func measureDistance() -> UInt64 {
        var quickest = UInt64.max
        var distance: UInt64 = 0
        for _ in 0..<100 {
            let before = monotonicNanoseconds()
            let real = realtimeNanoseconds()
            let took = monotonicNanoseconds() - before
            guard took < quickest else { continue }
            quickest = took
            distance = real &- (before + took / 2)
        }
        return distance
    }
}
