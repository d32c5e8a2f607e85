/// The bookkeeping of one direction of one flow: what was sent, what came, and in which order.

/// What became of a sequence number that arrived.
enum Arrival {
    case inOrder, late, duplicate
    /// A number that was never sent.
    case impossible
}

struct Lane {
    /// Arrivals this far behind the newest are told apart (late or duplicate); further behind they count as late.
    static let memory: UInt64 = 1024

    /// The number of the next datagram to send.
    private var next: UInt64 = 0
    /// The number of the first datagram that counts: the warm-up ended there.
    private(set) var firstCounted: UInt64 = 0
    /// Datagrams that count and came, each once.
    private(set) var received: UInt64 = 0
    /// One past the highest number that came.
    private var expected: UInt64 = 0
    /// Numbers below this are given up, so that a lane whose datagrams were all lost is not stuck.
    private var forgiven: UInt64 = 0
    /// When something last came or was given up.
    private var progress: UInt64 = 0
    /// A bit for each of the last `memory` numbers: set when it has come.
    private var seen = SIMD16<UInt64>()

    /// Datagrams of which nothing is known yet.
    ///
    /// What the newest arrival has overtaken is not waited for.
    var inFlight: UInt64 { next &- max(expected, forgiven) }

    /// Datagrams that count and were sent.
    var sent: UInt64 { next &- firstCounted }

    /// The number for a datagram that is sent now.
    mutating func take() -> UInt64 {
        defer { next &+= 1 }
        return next
    }

    /// Counts what is sent from now on, and nothing before.
    mutating func countFromHere() {
        firstCounted = next
        received = 0
    }

    /// Gives up what has been in flight without any arrival for `patience` nanoseconds.
    mutating func forgive(at now: UInt64, patience: UInt64) {
        guard inFlight > 0, now > progress &+ patience else { return }
        forgiven = next
        progress = now
    }

    /// Starts the patience of a lane that was idle.
    mutating func touch(at now: UInt64) {
        progress = now
    }

    mutating func receive(_ sequence: UInt64, at now: UInt64) -> Arrival {
        guard sequence < next else { return .impossible }
        progress = now
        if sequence >= expected {
            advance(to: sequence)
            count(sequence)
            return .inOrder
        }
        guard expected &- sequence < Lane.memory else {
            count(sequence)
            return .late
        }
        guard !hasSeen(sequence) else { return .duplicate }
        mark(sequence)
        count(sequence)
        return .late
    }

    private mutating func count(_ sequence: UInt64) {
        if sequence >= firstCounted { received &+= 1 }
    }

    /// Makes `sequence` the newest arrival: forgets what stood in the places between.
    private mutating func advance(to sequence: UInt64) {
        let gap = sequence &- expected
        if gap >= Lane.memory {
            seen = SIMD16<UInt64>()
        } else {
            for skipped in 0..<gap { clear(expected &+ skipped) }
        }
        mark(sequence)
        expected = sequence &+ 1
    }

    private func hasSeen(_ sequence: UInt64) -> Bool {
        seen[Int(sequence / 64 % 16)] & (1 << (sequence % 64)) != 0
    }

    private mutating func mark(_ sequence: UInt64) {
        seen[Int(sequence / 64 % 16)] |= 1 << (sequence % 64)
    }

    private mutating func clear(_ sequence: UInt64) {
        seen[Int(sequence / 64 % 16)] &= ~(1 << (sequence % 64))
    }
}
