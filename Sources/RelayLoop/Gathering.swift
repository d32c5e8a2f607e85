/// Whether passes wait for more datagrams: not where the wait is what keeps them from coming.

/// Compares how fast datagrams come with and without waiting, and what each costs, by trying.
///
/// Media comes at its own pace, so a pass that waits finds more to handle at once. But where senders wait
/// for what they sent to arrive, the wait slows them down and finds nothing that would not have come
/// anyway. So now and then a few passes do not wait; if datagrams then come much faster and cost hardly more, passes
/// stop waiting. Either way the other is tried again, the less often the longer that was in vain.
struct Gathering {
    /// Whether the pass may wait for more than the first datagram.
    var isWorthwhile: Bool { phase == .waiting || phase == .check }

    /// Whether this pass is the last of its phase, after which `endPhase` is called.
    mutating func endPass() -> Bool {
        passesLeft -= 1
        return passesLeft <= 0
    }

    /// What a phase brought, and how long it took.
    struct Sample {
        /// Datagrams handled since the thread's start.
        var handled: UInt64 = 0
        /// The time, and the CPU time of the thread, in nanoseconds.
        var nanoseconds: UInt64 = 0, busyNanoseconds: UInt64 = 0

        /// The difference of two moments.
        static func - (later: Sample, earlier: Sample) -> Sample {
            Sample(
                handled: later.handled &- earlier.handled,
                nanoseconds: later.nanoseconds &- earlier.nanoseconds,
                busyNanoseconds: later.busyNanoseconds &- earlier.busyNanoseconds
            )
        }

        /// Whether datagrams came faster by half, which is more than what waiting may have held back by chance, and
        /// each cost at most a fifth more: a rate that is bought with CPU time is the load's that comes next.
        func isMuchBetter(than other: Sample) -> Bool {
            let handled = Double(handled), others = Double(other.handled)
            return handled * Double(other.nanoseconds) >= 1.5 * others * Double(nanoseconds)
                && Double(busyNanoseconds) * others <= 1.2 * Double(other.busyNanoseconds) * handled
        }
    }

    private enum Phase {
        /// Passes wait.
        case waiting
        /// A few do not, to see.
        case trial
        /// Passes do not wait.
        case hurried
        /// A few do, to see.
        case check
    }

    private var phase = Phase.waiting
    private var passesLeft = Limits.passesBetweenTrials
    /// How long the phase lasts that trials interrupt.
    private var steadyPasses = Limits.passesBetweenTrials
    /// What the last phase brought that was not a try.
    private var steady = Sample()
    /// When the phase began.
    private var begin = Sample()

    /// Ends a phase.
    mutating func endPhase(at now: Sample) {
        let sample = now - begin
        begin = now
        // A thread with pauses so long has nothing to hurry for.
        if sample.nanoseconds > Limits.trialNanoseconds {
            steadyPasses = Limits.passesBetweenTrials
            phase = .waiting
        } else {
            phase = next(sample)
        }
        passesLeft = phase == .trial || phase == .check ? Limits.passesOfTrial : steadyPasses
    }

    private mutating func next(_ sample: Sample) -> Phase {
        switch phase {
        case .waiting:
            steady = sample
            return .trial
        case .trial:
            return settle(sample.isMuchBetter(than: steady) ? .hurried : .waiting, was: .waiting)
        case .hurried:
            steady = sample
            return .check
        case .check:
            return settle(steady.isMuchBetter(than: sample) ? .hurried : .waiting, was: .hurried)
        }
    }

    /// Goes on as before for longer, or begins anew.
    private mutating func settle(_ phase: Phase, was before: Phase) -> Phase {
        let isSame = phase == before
        steadyPasses =
            isSame
            ? min(Limits.passesBetweenChecks, steadyPasses * 2) : Limits.passesBetweenTrials
        return phase
    }
}
