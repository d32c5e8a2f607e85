/// Which listening sockets wait to accept again.

/// The multishot accepts of a thread.
///
/// An accept ends when the system has no descriptor left, and would end again at once; so it is armed again after a
/// pause.
struct Accepts {
    private var waiting: [UInt32] = []
    private var pausedUntil: UInt64 = 0

    /// Asks for an accept to be armed.
    mutating func arm(_ file: UInt32) { waiting.append(file) }

    /// Notes that an accept failed for want of something.
    mutating func pause(_ file: UInt32, at nanoseconds: UInt64) {
        waiting.append(file)
        pausedUntil = nanoseconds &+ Limits.acceptPauseNanoseconds
    }

    /// Takes the next listening socket whose accept is to be armed.
    mutating func next(at nanoseconds: UInt64) -> UInt32? {
        nanoseconds < pausedUntil ? nil : waiting.popLast()
    }
}
