/// Whether passes wait for more datagrams: not where the wait is what keeps them from coming.

/// Compares how fast datagrams come with and without waiting, by trying.
///
/// Media comes at its own pace, so a pass that waits finds more to handle at once. But where senders wait
/// for what they sent to arrive, the wait slows them down and finds nothing that would not have come
/// anyway. So now and then a few passes do not wait; if datagrams then come much faster, passes stop waiting,
/// and now and then a few wait, the less often the longer that was in vain.
struct Gathering {
    /// Whether the pass may wait for more than the first datagram.
    var isWorthwhile: Bool { phase == .waiting || phase == .check }

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
    private var hurriedPasses = Limits.passesBetweenTrials
    /// Datagrams for each nanosecond of the last whole phase.
    private var waitingRate = 0.0
    private var hurriedRate = 0.0
    /// When the phase began, and what had been handled by then.
    private var began: UInt64 = 0
    private var handled: UInt64 = 0

    /// Ends a pass.
    ///
    /// - Parameters:
    ///   - handled: Datagrams that the thread has handled since its start.
    ///   - nanoseconds: The time now.
    mutating func endPass(handled: UInt64, at nanoseconds: UInt64) {
        passesLeft -= 1
        if passesLeft > 0 { return }
        let elapsed = nanoseconds &- began
        let rate = Double(handled &- self.handled) / Double(max(1, elapsed))
        // A thread with pauses so long has nothing to hurry for.
        begin(elapsed > Limits.trialNanoseconds ? .waiting : next(rate))
        began = nanoseconds
        self.handled = handled
    }

    private mutating func next(_ rate: Double) -> Phase {
        switch phase {
        case .waiting:
            waitingRate = rate
            return .trial
        case .trial:
            hurriedPasses = Limits.passesBetweenTrials
            return isMuchFaster(rate, than: waitingRate) ? .hurried : .waiting
        case .hurried:
            hurriedRate = rate
            return .check
        case .check:
            hurriedPasses = min(Limits.passesBetweenChecks, hurriedPasses * 2)
            return isMuchFaster(hurriedRate, than: rate) ? .hurried : .waiting
        }
    }

    /// By half: what that saves on wake-ups, waiting saves no more.
    private func isMuchFaster(_ rate: Double, than other: Double) -> Bool { rate >= 1.5 * other }

    private mutating func begin(_ phase: Phase) {
        self.phase = phase
        passesLeft =
            switch phase {
            case .waiting: Limits.passesBetweenTrials
            case .hurried: hurriedPasses
            case .trial, .check: Limits.passesOfTrial
            }
    }
}
