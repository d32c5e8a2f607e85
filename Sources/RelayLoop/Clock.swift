/// The only place of the relay thread that reads a clock.

internal import Glibc
internal import TURN

/// Reads the time once a pass.
enum Clock {
    /// Monotonic time for deadlines, wall-clock seconds for nonces and credentials.
    static func now() -> Now {
        Now(
            monotonic: Instant(nanoseconds: monotonic()),
            unixSeconds: nanoseconds(CLOCK_REALTIME) / 1_000_000_000
        )
    }

    /// Nanoseconds of the monotonic clock.
    static func monotonic() -> UInt64 { nanoseconds(CLOCK_MONOTONIC) }

    /// Nanoseconds of CPU time that the calling thread has taken; a system call.
    static func busy() -> UInt64 { nanoseconds(CLOCK_THREAD_CPUTIME_ID) }

    /// Nanoseconds of a clock of the system.
    static func nanoseconds(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        // `time` is a local for the length of the call.
        unsafe clock_gettime(clock, &time)
        return UInt64(truncatingIfNeeded: time.tv_sec) &* 1_000_000_000
            &+ UInt64(truncatingIfNeeded: time.tv_nsec)
    }
}
