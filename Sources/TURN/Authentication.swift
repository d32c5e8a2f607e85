/// Long-term credentials (RFC 8489 9.2), asked for by each method that needs them.
public import STUN

/// A user who proved himself, and how the answer is to be signed.
///
/// An allocation keeps the identity it was created with: what comes later on its five-tuple is first tried
/// with that key, and must be of that user (RFC 8656 7.3: else 441).
public struct Identity: Sendable, BitwiseCopyable {
    /// The key of the answer's integrity.
    public let key: IntegrityKey
    /// The integrity attribute the client used, so one it surely understands.
    public let integrity: IntegrityKind
    /// Who it is.
    public let user: UserDigest
    /// When the access token ends that proved him, in seconds since 1970 (RFC 7635 7); nil when none did.
    public let tokenEnd: UInt64?

    /// The user as quotas count him.
    public var userTag: UInt64 { user.high }
}

/// What `Authentication` makes of a request.
public enum AuthenticationResult: Sendable, BitwiseCopyable {
    /// The request is the user's.
    case authenticated(Identity)
    /// The request asks for nothing to be proved, and nothing has to be.
    case anonymous
    /// Answer with this code (401 or 438) and `appendChallenge`, unsigned.
    case challenge(ErrorCode)
    /// Answer 400, unsigned and without a challenge.
    case badRequest
}

/// The server's side of the long-term credential mechanism, without any state for a client.
public struct Authentication: Sendable {
    let credentials: Credentials
    let tokens: AccessTokenKeys
    private let nonceKey: NonceKey
    private let isRequired: Bool
    private let software: [UInt8]
    private let offered: [PasswordAlgorithm]
    /// The value of PASSWORD-ALGORITHMS: for each a number and the length of its parameters, 0.
    private let algorithms: [UInt8]

    /// Prepares what `configuration` says; `seed` stands in for a nonce key that is not configured.
    public init(configuration: ServerConfiguration, seed: [UInt8]) {
        let realm = OpaqueString.prepare(configuration.realm) ?? Array(configuration.realm.utf8)
        let credentials = Credentials(
            realm: realm,
            users: configuration.users,
            secrets: configuration.secrets,
            digestKey: configuration.nonceKey
        )
        var features: SecurityFeatures = .passwordAlgorithms
        if credentials.canResolveUserhash { features.insert(.usernameAnonymity) }
        self.credentials = credentials
        tokens = AccessTokenKeys(configuration)
        nonceKey = NonceKey(
            secret: configuration.nonceKey.isEmpty ? seed : configuration.nonceKey,
            realm: realm,
            features: features,
            lifetimeSeconds: configuration.nonceLifetimeSeconds
        )
        isRequired = configuration.isAuthenticationRequired
        software = Array(configuration.software.utf8)
        offered = credentials.offeredAlgorithms
        algorithms = offered.flatMap { algorithm -> [UInt8] in
            [0, UInt8(truncatingIfNeeded: algorithm.rawValue), 0, 0]
        }
    }

    /// Checks a request in the order of RFC 8489 9.2.4.
    ///
    /// - Parameters:
    ///   - message: a request.
    ///   - client: where it came from; a nonce is good for that address and port only.
    ///   - other: another address of the same client, whose nonce is as good.
    ///   - session: who owns the allocation on this five-tuple, if there is one.
    ///   - checksExpiry: whether time-limited credentials must still run: yes to create an allocation, no
    ///     for what keeps one alive, or calls would break when credentials end.
    ///   - now: the time.
    /// - Returns: who it is, or what to answer.
    public func authenticate(
        _ message: borrowing Message,
        from client: TransportAddress,
        or other: TransportAddress? = nil,
        session: Identity?,
        checksExpiry: Bool,
        at now: Now
    ) -> AuthenticationResult {
        guard let kind = message.integrityKind else {
            return isRequired ? .challenge(.unauthorized) : .anonymous
        }
        guard message.hasUser, let realm = message.first(.realm),
            let nonceAttribute = message.first(.nonce)
        else { return .badRequest }
        let nonce = message.value(of: nonceAttribute)
        guard let algorithm = passwordAlgorithm(of: message, nonce: nonce) else {
            return .badRequest
        }
        guard message.value(of: realm).isEqualInConstantTime(to: credentials.realm.span.rawBytes),
            let identity = identity(
                of: message,
                session,
                algorithm,
                kind,
                checksExpiry,
                at: now
            )
        else { return .challenge(.unauthorized) }
        let isOurs =
            nonceKey.recognizes(nonce, for: client, at: now)
            || other.map { nonceKey.recognizes(nonce, for: $0, at: now) } ?? false
        guard isOurs else { return .challenge(.staleNonce) }
        return .authenticated(identity)
    }

    /// Appends what a 401 or 438 consists of, with a nonce for `client`.
    ///
    /// Kept small, because a forged source makes it strike somebody else: no reason phrase, and SOFTWARE only
    /// when it is configured.
    @_lifetime(writer: copy writer)
    public func appendChallenge(
        _ code: ErrorCode,
        to writer: inout MessageWriter,
        for client: TransportAddress,
        at now: Now
    ) {
        let nonce = nonceKey.nonce(for: client, at: now)
        writer.appendErrorCode(code)
        writer.append(.realm, bytes: credentials.realm)
        writer.append(.nonce, bytes: nonce.bytes)
        writer.append(.passwordAlgorithms, bytes: algorithms)
        // With 438 too: it is answered like 401, and the client makes its choice again.
        if tokens.isServed { writer.append(.thirdPartyAuthorization, bytes: tokens.serverName) }
        if !software.isEmpty { writer.append(.software, bytes: software) }
    }

    /// The algorithm of the key; nil when the request contradicts what was offered (RFC 8489 9.2.4).
    ///
    /// Without the bit in its nonce the lists were not offered, or somebody took them out: the nonce is then
    /// not ours, and the request fails on that.
    private func passwordAlgorithm(
        of message: borrowing Message,
        nonce: RawSpan
    ) -> PasswordAlgorithm? {
        let list = message.first(.passwordAlgorithms)
        let choice = message.first(.passwordAlgorithm)
        let chosen = choice.flatMap { message.passwordAlgorithm($0) }
        guard SecurityFeatures(of: nonce)?.contains(.passwordAlgorithms) == true else {
            return chosen ?? .md5
        }
        if list == nil, choice == nil { return .md5 }
        guard let list, let chosen,
            message.value(of: list).isEqualInConstantTime(to: algorithms.span.rawBytes),
            offered.contains(chosen)
        else { return nil }
        return chosen
    }

    /// Who proves himself: by an access token, and one who brings it by nothing else, or by a password.
    private func identity(
        of message: borrowing Message,
        _ session: Identity?,
        _ algorithm: PasswordAlgorithm,
        _ kind: IntegrityKind,
        _ checksExpiry: Bool,
        at now: Now
    ) -> Identity? {
        if tokens.isServed {
            if let token = message.first(.accessToken) {
                return bearer(of: token, in: message, kind, at: now)
            }
            if let bearer = bearer(of: session, in: message, kind) { return bearer }
        }
        guard let claim = claim(of: message), !checksExpiry || !claim.isExpired(at: now),
            let key = key(of: claim, session, algorithm, proving: message, kind)
        else { return nil }
        return Identity(key: key, integrity: kind, user: claim.user, tokenEnd: nil)
    }

    private func claim(of message: borrowing Message) -> Credentials.Claim? {
        if let username = message.first(.username) {
            return credentials.claim(username: message.value(of: username))
        }
        guard let userhash = message.first(.userhash) else { return nil }
        return credentials.claim(userhash: message.value(of: userhash))
    }

    /// The key that proves `claim`: the session's if it fits, which spares making it again.
    private func key(
        of claim: Credentials.Claim,
        _ session: Identity?,
        _ algorithm: PasswordAlgorithm,
        proving message: borrowing Message,
        _ kind: IntegrityKind
    ) -> IntegrityKey? {
        if let session, session.user == claim.user, session.key.isKey(of: algorithm),
            message.integrity(kind, key: session.key)
        {
            return session.key
        }
        return credentials.key(of: claim, algorithm: algorithm, proving: message, kind)
    }
}

extension Message {
    /// The integrity attribute that counts: the stronger one (RFC 8489 9.2.4).
    var integrityKind: IntegrityKind? {
        if first(.messageIntegritySHA256) != nil { return .sha256 }
        return first(.messageIntegrity) != nil ? .sha1 : nil
    }

    fileprivate var hasUser: Bool { first(.username) != nil || first(.userhash) != nil }

    /// The algorithm of a PASSWORD-ALGORITHM; nil when it is unknown or has parameters, as none has.
    fileprivate func passwordAlgorithm(_ attribute: Attribute) -> PasswordAlgorithm? {
        guard attribute.count == 4, uint16(attribute, at: 2) == 0, let number = uint16(attribute)
        else { return nil }
        return PasswordAlgorithm(rawValue: number)
    }
}

extension IntegrityKey {
    fileprivate func isKey(of algorithm: PasswordAlgorithm) -> Bool {
        switch algorithm {
        case .md5: bytes.byteCount == 16
        case .sha256: bytes.byteCount == 32
        }
    }
}

extension Credentials.Claim {
    fileprivate func isExpired(at now: Now) -> Bool {
        switch self {
        case .known: false
        case .timeLimited(let expiry, _): expiry <= now.unixSeconds
        }
    }
}
