/// How often one source may ask for what costs us something.

import STUN
import TURN

/// Token buckets in a table that never grows.
///
/// A source has two buckets, chosen by a hash with a secret seed, and is refused only when both are empty: sharing one
/// with a flood shuts nobody out.
struct RateLimiter {
    /// 8 bytes each; so many that a thousand busy sources leave nearly all pairs alone.
    private static let bucketCount = 1 << 13

    private var buckets = [TokenBucket](repeating: TokenBucket(), count: bucketCount)
    /// A token for each millisecond; one request takes as many as its interval has.
    private let rate: TokenRate
    private let interval: UInt64

    /// A limiter of one request in so many milliseconds, after a burst.
    init(milliseconds interval: UInt64, burst: UInt64) {
        self.interval = interval
        rate = TokenRate(perSecond: 1000, burst: burst * interval)
    }

    /// When one who was refused may ask again.
    var retryAfterSeconds: Int { Int(interval + 999) / 1000 }

    /// Whether a source may have one more; counts it if so.
    mutating func allows(_ source: some Hashable, at now: Instant) -> Bool {
        var hasher = Hasher()
        hasher.combine(source)
        let hash = UInt64(bitPattern: Int64(hasher.finalize()))
        let count = UInt64(Self.bucketCount)
        let index = hash % count
        // Never the same one twice.
        let other = (index + 1 + (hash >> 32) % (count - 1)) % count
        let first = buckets[Int(index)].take(interval, of: rate, at: now)
        let second = buckets[Int(other)].take(interval, of: rate, at: now)
        return first || second
    }
}

extension Request {
    /// What rates are kept for: an IPv4 address, or the /64 that one IPv6 subscriber has; nil for programs of this machine.
    var source: AddressPrefix? {
        // The last address is the one that the proxy saw itself.
        if let client = forwarded("X-Forwarded-For") { return Peer.network(of: IPAddress(client)) }
        return peer.isLocal ? nil : peer.network
    }
}
