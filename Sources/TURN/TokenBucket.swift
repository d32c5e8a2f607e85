/// Rates: how much of something a second allows, with a burst.

/// What a `TokenBucket` is refilled with.
public struct TokenRate: Sendable, BitwiseCopyable {
    private let tokensPerSecond: UInt64
    private let burstNanoseconds: UInt64

    /// `perSecond` tokens a second, of which up to `burst` may be taken at once; `perSecond` 0 is no limit.
    public init(perSecond: UInt64, burst: UInt64) {
        tokensPerSecond = perSecond
        burstNanoseconds = TokenRate.nanoseconds(for: burst, perSecond: perSecond)
    }

    /// Whether everything is allowed.
    public var isUnlimited: Bool { tokensPerSecond == 0 }

    /// How long the rate needs to bring `tokens`.
    fileprivate func nanoseconds(for tokens: UInt64) -> UInt64 {
        TokenRate.nanoseconds(for: tokens, perSecond: tokensPerSecond)
    }

    /// How far ahead of time tokens may have been taken.
    fileprivate var burst: UInt64 { burstNanoseconds }

    private static func nanoseconds(for tokens: UInt64, perSecond: UInt64) -> UInt64 {
        guard perSecond > 0 else { return 0 }
        let (product, overflow) = tokens.multipliedReportingOverflow(
            by: Instant.nanosecondsPerSecond
        )
        return overflow ? .max : product / perSecond
    }
}

/// A token bucket in one word: the moment at which all that was taken will have been refilled.
///
/// All zeros is a full bucket, so a table of them needs no set-up. The rate is the caller's, one for many
/// buckets; give the same one each time.
public struct TokenBucket: Sendable, BitwiseCopyable {
    private var settled = Instant(nanoseconds: 0)

    /// A full bucket.
    public init() {}

    /// Takes `tokens`, or takes none and returns false when there are not as many.
    public mutating func take(_ tokens: UInt64 = 1, of rate: TokenRate, at now: Instant) -> Bool {
        if rate.isUnlimited { return true }
        let after = max(settled, now).advanced(byNanoseconds: rate.nanoseconds(for: tokens))
        guard after.nanoseconds(since: now) <= rate.burst else { return false }
        settled = after
        return true
    }
}
