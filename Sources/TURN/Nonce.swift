/// Stateless nonces: the server recognises its own without remembering any (RFC 8489 9.2).
internal import STUN

/// The STUN Security Features that a nonce announces (RFC 8489 18.1), as a 24-bit number.
struct SecurityFeatures: OptionSet, Sendable {
    let rawValue: UInt32

    /// Bit 0: PASSWORD-ALGORITHMS is offered.
    static let passwordAlgorithms = SecurityFeatures(rawValue: 1 << 23)
    /// Bit 1: USERHASH may stand for USERNAME.
    static let usernameAnonymity = SecurityFeatures(rawValue: 1 << 22)

    init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// The features of a nonce; nil when it does not start with a nonce cookie.
    init?(of nonce: RawSpan) {
        let literal = Nonce.cookieLiteral
        guard nonce.byteCount >= Nonce.cookieCount,
            nonce.extracting(0..<literal.count).isEqualInConstantTime(to: literal.span.rawBytes),
            let group = Base64.group(nonce, at: literal.count)
        else { return nil }
        rawValue = group
    }
}

/// A nonce: `obMatJos2`, the security features, the second it was made in, and a tag; 29 characters.
///
/// As short as can be, because a 401 may strike somebody who did not ask. 4 bytes of time and 8 of HMAC fill
/// four groups of base64. Whoever guesses a tag may replay from another address, no more: he still needs the
/// credentials.
struct Nonce: Sendable, BitwiseCopyable {
    static let cookieLiteral: [9 of UInt8] = [
        UInt8(ascii: "o"), UInt8(ascii: "b"), UInt8(ascii: "M"), UInt8(ascii: "a"),
        UInt8(ascii: "t"), UInt8(ascii: "J"), UInt8(ascii: "o"), UInt8(ascii: "s"),
        UInt8(ascii: "2"),
    ]
    static let cookieCount = 13
    static let count = 29

    private var characters: [29 of UInt8] = .init(repeating: 0)

    fileprivate init(features: SecurityFeatures, seconds: UInt32, tag: UInt64) {
        let literal = Nonce.cookieLiteral
        for index in literal.indices { characters[index] = literal[index] }
        put(features.rawValue, at: 9)
        put(seconds &>> 8, at: 13)
        put(seconds &<< 16 | UInt32(truncatingIfNeeded: tag &>> 48), at: 17)
        put(UInt32(truncatingIfNeeded: tag &>> 24), at: 21)
        put(UInt32(truncatingIfNeeded: tag), at: 25)
    }

    private mutating func put(_ group: UInt32, at offset: Int) {
        let four = Base64.characters(group)
        for index in four.indices { characters[offset + index] = four[index] }
    }

    /// The second a nonce says it was made in; nil when it is no nonce of ours at all.
    fileprivate static func seconds(of nonce: RawSpan) -> UInt32? {
        guard nonce.byteCount == count, let upper = Base64.group(nonce, at: 13),
            let lower = Base64.group(nonce, at: 17)
        else { return nil }
        return upper &<< 8 | lower &>> 16
    }

    /// The nonce's characters.
    var bytes: RawSpan {
        @_lifetime(borrow self) borrowing get { characters.span.rawBytes }
    }
}

/// The key that makes nonces and recognises them; with one key a fleet recognises each other's.
struct NonceKey: Sendable {
    /// A nonce from a clock this much ahead of ours is taken: machines of a fleet are never quite in step.
    static let clockSkewSeconds: UInt32 = 5

    private let key: IntegrityKey
    private let features: SecurityFeatures
    private let lifetimeSeconds: UInt32

    /// Nonces for one realm: they are bound to it by their key.
    init(
        secret: [UInt8],
        realm: [UInt8],
        features: SecurityFeatures,
        lifetimeSeconds: UInt32
    ) {
        let digest = hmacSHA256(key: secret.span.rawBytes, realm.span.rawBytes)
        guard let key = IntegrityKey(bytes: digest.bytes) else {
            preconditionFailure("a SHA-256 fits a key")
        }
        self.key = key
        self.features = features
        self.lifetimeSeconds = lifetimeSeconds
    }

    /// The nonce for `client` at `now`.
    ///
    /// Another one for each address and port (RFC 8489 9.2.4 forbids the same), and for each second.
    func nonce(for client: TransportAddress, at now: Now) -> Nonce {
        nonce(for: client, seconds: UInt32(truncatingIfNeeded: now.unixSeconds))
    }

    /// Whether `nonce` was made for `client`, with this key, and not too long ago.
    func recognizes(_ nonce: RawSpan, for client: TransportAddress, at now: Now) -> Bool {
        guard let seconds = Nonce.seconds(of: nonce) else { return false }
        let skew = NonceKey.clockSkewSeconds
        // Wraps with the 32 bits of the nonce's time: an age is right whenever it is below a century.
        let age = UInt32(truncatingIfNeeded: now.unixSeconds) &+ skew &- seconds
        let (limit, isEndless) = lifetimeSeconds.addingReportingOverflow(skew)
        guard isEndless || age <= limit else { return false }
        let expected = self.nonce(for: client, seconds: seconds)
        return nonce.isEqualInConstantTime(to: expected.bytes)
    }

    private func nonce(for client: TransportAddress, seconds: UInt32) -> Nonce {
        let ip = client.ip.canonical
        var message: [24 of UInt8] = .init(repeating: 0)
        message.put(ip.high, at: 0)
        message.put(ip.low, at: 8)
        message.put(
            UInt64(seconds) &<< 32 | UInt64(client.port) &<< 8 | UInt64(ip.family.rawValue),
            at: 16
        )
        let digest = hmacSHA256(key: key.bytes, message.span.rawBytes)
        return Nonce(features: features, seconds: seconds, tag: digest.bytes.word(0))
    }
}

extension [24 of UInt8] {
    /// Stores `word` in network byte order.
    fileprivate mutating func put(_ word: UInt64, at offset: Int) {
        for index in 0..<8 {
            self[offset + index] = UInt8(truncatingIfNeeded: word &>> UInt64(56 - 8 * index))
        }
    }
}
