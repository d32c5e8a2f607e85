/// The clocks of the generator.

// CLoad's header reads system headers too; whichever module is loaded first owns `timespec`.
import CLoad
import Glibc

/// Nanoseconds of CLOCK_MONOTONIC: what everything is timed by.
func monotonicNanoseconds() -> UInt64 { nanoseconds(of: CLOCK_MONOTONIC) }

/// Nanoseconds of CLOCK_REALTIME: what the kernel stamps arrivals with.
func realtimeNanoseconds() -> UInt64 { nanoseconds(of: CLOCK_REALTIME) }

private func nanoseconds(of clock: clockid_t) -> UInt64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
}
