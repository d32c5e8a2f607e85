/// A point of monotonic time, in nanoseconds from an origin the caller chose.
///
/// The module never reads a clock: every call that needs the time is given it. Arithmetic saturates, so
/// no lifetime a client asks for can wrap a deadline round to the past.
public struct Instant: Comparable, Hashable, Sendable, BitwiseCopyable {
    /// Nanoseconds since the origin.
    public var nanoseconds: UInt64

    /// The instant `nanoseconds` after the origin.
    public init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    /// A deadline that no clock reaches.
    public static let never = Instant(nanoseconds: .max)

    /// Nanoseconds in a second.
    public static let nanosecondsPerSecond: UInt64 = 1_000_000_000

    /// Whether `first` is earlier than `second`.
    public static func < (first: Instant, second: Instant) -> Bool {
        first.nanoseconds < second.nanoseconds
    }

    /// The instant `nanoseconds` later, at most `never`.
    public func advanced(byNanoseconds nanoseconds: UInt64) -> Instant {
        let (sum, overflow) = self.nanoseconds.addingReportingOverflow(nanoseconds)
        return overflow ? .never : Instant(nanoseconds: sum)
    }

    /// The instant `seconds` later, at most `never`.
    public func advanced(bySeconds seconds: UInt64) -> Instant {
        let (nanoseconds, overflow) = seconds.multipliedReportingOverflow(
            by: Instant.nanosecondsPerSecond
        )
        return overflow ? .never : advanced(byNanoseconds: nanoseconds)
    }

    /// Nanoseconds from `earlier` to this instant; 0 when `earlier` is in fact later.
    public func nanoseconds(since earlier: Instant) -> UInt64 {
        nanoseconds > earlier.nanoseconds ? nanoseconds &- earlier.nanoseconds : 0
    }

    /// Whole seconds from `earlier` to this instant, rounded up; 0 when `earlier` is in fact later.
    ///
    /// Rounded up so that a lifetime which still runs is never reported as 0.
    public func secondsRoundedUp(since earlier: Instant) -> UInt64 {
        let whole = nanoseconds(since: earlier)
        let (quotient, remainder) = whole.quotientAndRemainder(
            dividingBy: Instant.nanosecondsPerSecond
        )
        return remainder == 0 ? quotient : quotient &+ 1
    }
}

/// The time at which one datagram is handled: read once for a whole pass.
public struct Now: Hashable, Sendable, BitwiseCopyable {
    /// For deadlines: never jumps.
    public var monotonic: Instant

    /// Seconds since 1970, for nonces and credentials, which other machines made or will check.
    public var unixSeconds: UInt64

    /// The present, in both clocks.
    public init(monotonic: Instant, unixSeconds: UInt64) {
        self.monotonic = monotonic
        self.unixSeconds = unixSeconds
    }
}
