/// How many answers those get who have not proved who they are.
///
/// Their source address may be forged, and then our answer strikes the one it belongs to. So there is a
/// bound for each source prefix, which bounds what one victim receives, and one for all sources together.
/// On by default; what is over is dropped without a word.
public import STUN

/// Token buckets for source prefixes (IPv4 /24, IPv6 /64) in a fixed table, and one for all of them.
///
/// Each prefix has two buckets, chosen by a secret hash, and is refused only when both are empty: sharing
/// one bucket with a flood does not shut anybody out. Memory is taken at `init` and never grows.
///
/// Safe to use because the pointer is private, lives exactly as long as its only owner, and every index is
/// masked by the bucket count.
@safe public struct UnauthenticatedLimiter: ~Copyable {
    /// 16 384 × 8 bytes; a flood from some thousand prefixes at once still leaves most pairs alone.
    private static let bucketCount = 1 << 14

    private let buckets: UnsafeMutablePointer<TokenBucket>
    private var total = TokenBucket()
    private let hash: KeyedHash
    private let prefixRate: TokenRate
    private let totalRate: TokenRate

    /// A limiter of `perSecond` answers to each prefix and `totalPerSecond` to all; 0 is no limit.
    public init(perSecond: UInt32, totalPerSecond: UInt32, hash: KeyedHash) {
        self.hash = hash
        // A browser's call opens a handful of allocations at the same moment: two seconds' worth of burst.
        prefixRate = TokenRate(perSecond: UInt64(perSecond), burst: 2 * UInt64(perSecond))
        totalRate = TokenRate(perSecond: UInt64(totalPerSecond), burst: UInt64(totalPerSecond))
        unsafe buckets = .allocate(capacity: UnauthenticatedLimiter.bucketCount)
        // Safe: `bucketCount` buckets were allocated on the line above.
        unsafe buckets.initialize(
            repeating: TokenBucket(),
            count: UnauthenticatedLimiter.bucketCount
        )
    }

    deinit {
        // Safe: allocated in `init`; buckets are plain bits without a destructor.
        unsafe buckets.deallocate()
    }

    /// Whether a request from `source` that proves nothing may be answered; counts it if so.
    public mutating func allows(_ source: IPAddress, at now: Instant) -> Bool {
        guard !(prefixRate.isUnlimited && totalRate.isUnlimited) else { return true }
        let prefix = source.canonical
        let hashValue =
            switch prefix.family {
            case .ipv4: hash(UInt64(prefix.family.rawValue), prefix.low &>> 8)
            case .ipv6: hash(UInt64(prefix.family.rawValue), prefix.high)
            }
        // The prefix first: a flood from one must not eat what all others share.
        let mask = UnauthenticatedLimiter.bucketCount - 1
        let first = takeToken(Int(truncatingIfNeeded: hashValue) & mask, at: now)
        let second = takeToken(Int(truncatingIfNeeded: hashValue &>> 32) & mask, at: now)
        guard first || second else { return false }
        return total.take(of: totalRate, at: now)
    }

    private mutating func takeToken(_ index: Int, at now: Instant) -> Bool {
        // Safe: the caller masked the index.
        unsafe buckets[index].take(of: prefixRate, at: now)
    }
}

// Sendable: the limiter owns its memory alone; handing it to another thread hands over both.
extension UnauthenticatedLimiter: @unchecked Sendable {}
