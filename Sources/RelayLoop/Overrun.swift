/// What waits take beyond their time.

/// A running mean of how much later than asked the kernel comes back from a wait that time ended.
struct Overrun {
    /// The mean of the last waits, in nanoseconds.
    private(set) var nanoseconds: UInt64 = 0

    private var began: UInt64 = 0
    private var asked: UInt64 = 0

    /// Notes that a wait begins that gathers for so many nanoseconds.
    mutating func begin(gathering asked: UInt64, at nanoseconds: UInt64) {
        self.asked = asked
        began = nanoseconds
    }

    /// Notes that it has ended, and whether it brought more completions than it was for.
    mutating func end(at nanoseconds: UInt64, isFull: Bool) {
        let waited = nanoseconds &- began
        // One that ended early, or went on because nothing came, says nothing about the timer.
        if asked == 0 || waited < asked || waited > 2 &* asked { return }
        // A full pass took that time for its datagrams, which pay for the wait: the next may wait as long as this.
        self.nanoseconds = isFull ? 0 : (7 &* self.nanoseconds &+ (waited &- asked)) / 8
    }
}
