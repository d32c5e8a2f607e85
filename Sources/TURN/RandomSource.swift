/// Random numbers from a seed: the module's only randomness, so a run can be repeated bit for bit.
internal import STUN

/// HMAC-SHA256 of a counter, keyed by a 32-byte seed (the output function of NIST SP 800-108 in counter mode).
///
/// As unpredictable as its seed is secret: relayed ports, reservation tokens and transaction ids come from
/// it (CVE-2025-69217 is what happens to a server that draws them from less).
public struct RandomSource: ~Copyable, Sendable {
    /// Bytes of a seed.
    public static let seedCount = 32

    private let seed: IntegrityKey
    private var counter: UInt64 = 0
    /// The words of the last HMAC; those below `wordsLeft` are not yet given out.
    private var words: [4 of UInt64] = [0, 0, 0, 0]
    private var wordsLeft = 0

    /// A stream of its own for each seed of 32 bytes.
    public init(seed: [UInt8]) {
        guard seed.count == RandomSource.seedCount,
            let key = IntegrityKey(bytes: seed.span.rawBytes)
        else { preconditionFailure("a seed has 32 bytes") }
        self.seed = key
    }

    /// The next 64 random bits.
    public mutating func next() -> UInt64 {
        if wordsLeft == 0 { refill() }
        wordsLeft &-= 1
        return words[wordsLeft]
    }

    /// A number in `0..<bound`, each as likely as the other; 0 when `bound` is 0.
    public mutating func below(_ bound: UInt64) -> UInt64 {
        // Numbers under the threshold would make some results likelier than others: 2^64 mod bound of them.
        let threshold = bound == 0 ? 0 : (0 &- bound) % bound
        while true {
            let (high, low) = next().multipliedFullWidth(by: bound)
            if low >= threshold { return high }
        }
    }

    private mutating func refill() {
        let message: [8 of UInt8] = .init { UInt8(truncatingIfNeeded: counter &>> UInt64(8 * $0)) }
        counter &+= 1
        let digest = hmacSHA256(key: seed.bytes, message.span.rawBytes)
        for index in words.indices { words[index] = digest.bytes.word(index) }
        wordsLeft = words.count
    }
}
