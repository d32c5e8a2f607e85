/// Which listening sockets wait to accept again, and which connections that were accepted wait for a place.

internal import IOURing

/// A connection that was accepted and has no place yet.
struct Newcomer: BitwiseCopyable {
    var descriptor: Int32
    /// The registered file of the listening socket it came from.
    var file: UInt32
}

/// The multishot accepts of a thread.
///
/// An accept ends when the system has no descriptor left, and would end again at once; so it is armed again after a
/// pause. What is wrong with a single connection ends it too, and it is armed again at once. Where the table of
/// connections is full, newcomers wait until strangers have made room.
struct Accepts: ~Copyable {
    private var waiting: [UInt32] = []
    private var pausing: [UInt32] = []
    private var pausedUntil: UInt64 = 0
    /// How many have failed one after the other, without a connection in between.
    private var failures = 0
    private var newcomers: [Newcomer] = []
    /// How many of `newcomers` have been taken.
    private var taken = 0

    deinit {
        for newcomer in newcomers.dropFirst(taken) {
            _ = StreamSocket(adopting: newcomer.descriptor)
        }
    }

    /// Asks for an accept to be armed.
    mutating func arm(_ file: UInt32) { waiting.append(file) }

    /// Notes that an accept gave a connection.
    mutating func succeeded() { failures = 0 }

    /// Notes that an accept failed: it waits if the system lacks something, or if failures do not end.
    mutating func failed(_ file: UInt32, _ error: Errno, at nanoseconds: UInt64) {
        failures += 1
        if error.isOfOneConnection && failures < Limits.acceptFailures { return arm(file) }
        failures = 0
        pausing.append(file)
        pausedUntil = nanoseconds &+ Limits.acceptPauseNanoseconds
    }

    /// Whether an accept is to be armed later.
    var isPaused: Bool { !waiting.isEmpty || !pausing.isEmpty }

    /// Takes the next listening socket whose accept is to be armed.
    mutating func next(at nanoseconds: UInt64) -> UInt32? {
        if let file = waiting.popLast() { return file }
        return nanoseconds < pausedUntil ? nil : pausing.popLast()
    }

    /// How many connections wait for a place.
    var newcomerCount: Int { newcomers.count - taken }

    /// Lets a connection wait for a place.
    ///
    /// - Returns: false when too many wait.
    mutating func append(_ newcomer: Newcomer) -> Bool {
        if newcomerCount == Limits.newcomers { return false }
        if taken == Limits.newcomers {
            newcomers.removeFirst(taken)
            taken = 0
        }
        newcomers.append(newcomer)
        return true
    }

    /// Takes the connection that has waited for longest.
    mutating func nextNewcomer() -> Newcomer? {
        if newcomerCount == 0 { return nil }
        defer { taken += 1 }
        return newcomers[taken]
    }
}
