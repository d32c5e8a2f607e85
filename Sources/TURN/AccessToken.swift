/// Access tokens of third-party authorization (RFC 7635 6.2), and who may open them.
internal import STUN

/// What an authentic token says.
struct AccessToken {
    /// A token is good for so much longer than it says, and its clock may differ by as much (RFC 7635 7).
    static let deltaSeconds: UInt64 = 5
    /// Bytes of the session key that are accepted: RFC 7635 has 20, the HMAC takes up to 32 of ours, and below 16
    /// it could be guessed.
    static let keyCounts = 16...IntegrityKey.maximumCount

    /// The session key: of the requests, and of the answers.
    let key: IntegrityKey
    /// When the token was made, in seconds since 1970; its fractions do not count.
    let timestamp: UInt64
    /// For how long it was made.
    let lifetimeSeconds: UInt32

    /// Reads an opened block: key length, key, 48 bits of seconds and 16 of their fractions, lifetime.
    init?(block: RawSpan) {
        guard block.byteCount >= 2 else { return nil }
        let count = Int(block.byte(0)) << 8 | Int(block.byte(1))
        guard AccessToken.keyCounts.contains(count), block.byteCount == count + 14,
            let key = IntegrityKey(bytes: block.extracting(2..<2 + count))
        else { return nil }
        self.key = key
        timestamp = block.extracting(2 + count..<10 + count).word(0) &>> 16
        lifetimeSeconds = (0..<4).reduce(0) { $0 << 8 | UInt32(block.byte(10 + count + $1)) }
    }

    /// When it ends, in seconds since 1970; nil when it is not good now (RFC 7635 7).
    ///
    /// What is left is what RFC 7635 9 recommends for an allocation, and never above the token's lifetime.
    func end(at now: Now) -> UInt64? {
        let age = max(timestamp, now.unixSeconds) - min(timestamp, now.unixSeconds)
        let lifetime = UInt64(lifetimeSeconds)
        guard lifetime > 0, lifetime + AccessToken.deltaSeconds > age else { return nil }
        return now.unixSeconds + min(lifetime, lifetime + AccessToken.deltaSeconds - age)
    }
}

/// The keys of a server, and the name that its tokens are made for.
struct AccessTokenKeys: Sendable {
    /// The value of THIRD-PARTY-AUTHORIZATION, and the associated data of each token.
    let serverName: [UInt8]
    /// Whether HMAC-SHA1 may be had of a session key's first 16 bytes, as coturn does.
    let takesShortKeys: Bool
    private let keys: [AccessTokenKey]

    init(_ configuration: ServerConfiguration) {
        keys = configuration.accessTokenKeys
        takesShortKeys = configuration.takesShortSessionKeys
        serverName = Array(configuration.serverName.utf8)
    }

    /// Whether tokens are taken at all.
    var isServed: Bool { !keys.isEmpty }

    /// Whether a USERNAME is the identifier of a key.
    func knows(kid: RawSpan) -> Bool {
        keys.contains { $0.kid.span.rawBytes.isEqualInConstantTime(to: kid) }
    }

    /// Opens a token: its length of the nonce, the nonce, the sealed block.
    ///
    /// Every length is checked before a byte is looked at: the token is a stranger's until it is open.
    func open(_ token: RawSpan, kid: RawSpan, at now: Now) -> AccessToken? {
        let start = 2 + AESGCM.nonceCount
        let sealedCounts = 14 + AESGCM.tagCount...14 + AESGCM.tagCount + IntegrityKey.maximumCount
        guard sealedCounts.contains(token.byteCount - start),
            token.byte(0) == 0, token.byte(1) == UInt8(AESGCM.nonceCount)
        else { return nil }
        let sealed = token.extracting(start..<token.byteCount)
        for key in keys where key.isGood(at: now) {
            guard key.kid.span.rawBytes.isEqualInConstantTime(to: kid),
                let opened = open(sealed, nonce: token.extracting(2..<start), key)
            else { continue }
            return opened
        }
        return nil
    }

    private func open(_ sealed: RawSpan, nonce: RawSpan, _ key: AccessTokenKey) -> AccessToken? {
        var storage: [64 of UInt8] = .init(repeating: 0)
        var span = storage.mutableSpan
        // Any bits are a valid UInt8.
        var block = unsafe span.mutableBytes
        let count = AESGCM.open(
            sealed,
            key: key.key.span.rawBytes,
            nonce: nonce,
            associatedData: serverName.span.rawBytes,
            into: &block
        )
        guard let count else { return nil }
        return AccessToken(block: storage.span.rawBytes.extracting(0..<count))
    }
}
