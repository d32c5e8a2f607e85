/// Whom the server knows: users of the configuration, and secrets that sign time-limited names.
internal import STUN

/// Who somebody is, as 128 bits: the same for the same user on each thread, whatever the password.
///
/// For time-limited credentials it is the user's own name in the username if there is one, so that fresh
/// credentials are the same user: quotas count users, not timestamps.
public struct UserDigest: Hashable, Sendable, BitwiseCopyable {
    /// The first 64 bits; alone they serve as the tag of quotas.
    public let high: UInt64
    /// The other 64 bits.
    public let low: UInt64
}

/// Static users and secrets, prepared so that a request is checked without allocating.
struct Credentials: Sendable {
    /// A static user with what is computed once.
    private struct Record: Sendable {
        let user: UserDigest
        let userhash: UserDigest
        let md5: IntegrityKey?
        let sha256: IntegrityKey?
    }

    /// Whom a request claims to come from.
    enum Claim: BitwiseCopyable {
        /// A static user.
        case known(index: Int, user: UserDigest)
        /// A time-limited name; who knows whether it is signed.
        case timeLimited(expiry: UInt64, user: UserDigest)

        /// The claimed user.
        var user: UserDigest {
            switch self {
            case .known(_, let user), .timeLimited(_, let user): user
            }
        }
    }

    /// Sets the names of the two kinds apart, so that nobody becomes a static user by a signed name.
    private static let knownDomain: [1 of UInt8] = [0]
    private static let timeLimitedDomain: [1 of UInt8] = [1]
    private static let sessionDomain: [1 of UInt8] = [2]

    let realm: [UInt8]
    private let secrets: [[UInt8]]
    private let digestKey: [UInt8]
    /// Sorted by `user`.
    private let records: [Record]
    /// Indexes of `records`, sorted by `userhash`.
    private let userhashOrder: [Int]

    /// Prepares users and secrets.
    ///
    /// `digestKey` keys the user digests; it is the same on all threads, and may be empty.
    init(realm: [UInt8], users: [StaticUser], secrets: [[UInt8]], digestKey: [UInt8]) {
        self.realm = realm
        self.secrets = secrets
        self.digestKey = digestKey
        let records = users.map { Credentials.record($0, realm, digestKey) }
            .sorted { $0.user.isBelow($1.user) }
        self.records = records
        userhashOrder = records.indices.sorted {
            records[$0].userhash.isBelow(records[$1].userhash)
        }
    }

    /// The password algorithms to offer, best first: those that every static user has a key for.
    var offeredAlgorithms: [PasswordAlgorithm] {
        var offered: [PasswordAlgorithm] = []
        if records.allSatisfy({ $0.sha256 != nil }) { offered.append(.sha256) }
        if records.allSatisfy({ $0.md5 != nil }) { offered.append(.md5) }
        return offered.isEmpty ? [.sha256, .md5] : offered
    }

    /// Whether USERHASH finds everybody: a signed name cannot be found by its hash.
    var canResolveUserhash: Bool { secrets.isEmpty && !records.isEmpty }

    /// Whose USERNAME this is; nil when it is nobody's.
    func claim(username: RawSpan) -> Claim? {
        guard (1...StaticUser.maximumNameCount).contains(username.byteCount) else { return nil }
        if let known = knownUser(username) { return known }
        guard !secrets.isEmpty, let name = TimeLimitedCredentials.parse(username) else {
            return nil
        }
        let own = name.user.isEmpty ? 0..<username.byteCount : name.user
        let domain = Credentials.timeLimitedDomain.span.rawBytes
        return .timeLimited(
            expiry: name.expiry,
            user: digest(domain, username.extracting(own))
        )
    }

    /// Whose USERHASH this is; nil when it is no static user's (RFC 8489 14.4).
    func claim(userhash: RawSpan) -> Claim? {
        guard userhash.byteCount == 32 else { return nil }
        let wanted = UserDigest(high: userhash.word(0), low: userhash.word(1))
        let position = search(
            userhashOrder.count,
            { records[userhashOrder[$0]].userhash },
            wanted
        )
        guard let position else { return nil }
        let index = userhashOrder[position]
        return .known(index: index, user: records[index].user)
    }

    /// Who has a session key out of an access token: all that share a token are one user.
    func user(ofSessionKey key: borrowing IntegrityKey) -> UserDigest {
        digest(Credentials.sessionDomain.span.rawBytes, key.bytes)
    }

    /// The key of `claim` under which `message` has its integrity; nil when there is none.
    func key(
        of claim: Claim,
        algorithm: PasswordAlgorithm,
        proving message: borrowing Message,
        _ kind: IntegrityKind
    ) -> IntegrityKey? {
        switch claim {
        case .known(let index, _):
            let key =
                switch algorithm {
                case .md5: records[index].md5
                case .sha256: records[index].sha256
                }
            guard let key, message.integrity(kind, key: key) else { return nil }
            return key
        case .timeLimited:
            // The claim was read from it.
            guard let attribute = message.first(.username) else { return nil }
            let username = message.value(of: attribute)
            for secret in secrets {
                let key = key(secret: secret, username: username, algorithm: algorithm)
                if message.integrity(kind, key: key) { return key }
            }
            return nil
        }
    }

    private func knownUser(_ username: RawSpan) -> Claim? {
        guard !records.isEmpty else { return nil }
        let user = digest(Credentials.knownDomain.span.rawBytes, username)
        let index = search(records.count, { records[$0].user }, user)
        return index.map { .known(index: $0, user: user) }
    }

    private func key(
        secret: [UInt8],
        username: RawSpan,
        algorithm: PasswordAlgorithm
    ) -> IntegrityKey {
        let password = TimeLimitedCredentials.password(
            of: username,
            secret: secret.span.rawBytes
        )
        return Credentials.key(algorithm, username, realm.span.rawBytes, password.span.rawBytes)
    }

    private func digest(_ domain: RawSpan, _ name: RawSpan) -> UserDigest {
        Credentials.digest(domain, name, digestKey.span.rawBytes)
    }

    /// The position of `wanted` among `count` ascending digests.
    private func search(
        _ count: Int,
        _ digest: (Int) -> UserDigest,
        _ wanted: UserDigest
    ) -> Int? {
        var lower = 0
        var upper = count
        while lower < upper {
            let middle = lower + (upper - lower) / 2
            let found = digest(middle)
            if found == wanted { return middle }
            if found.isBelow(wanted) { lower = middle + 1 } else { upper = middle }
        }
        return nil
    }
}

extension Credentials {
    private static func record(
        _ user: StaticUser,
        _ realm: [UInt8],
        _ digestKey: [UInt8]
    ) -> Record {
        let name = user.name.span.rawBytes
        let hash = userhash(username: name, realm: realm.span.rawBytes)
        let keys: (md5: IntegrityKey?, sha256: IntegrityKey?) =
            switch user.secret {
            case .md5Key(let key): (IntegrityKey(bytes: key.span.rawBytes), nil)
            case .sha256Key(let key): (nil, IntegrityKey(bytes: key.span.rawBytes))
            case .password(let password):
                (
                    key(.md5, name, realm.span.rawBytes, password.span.rawBytes),
                    key(.sha256, name, realm.span.rawBytes, password.span.rawBytes)
                )
            }
        return Record(
            user: digest(knownDomain.span.rawBytes, name, digestKey.span.rawBytes),
            userhash: UserDigest(high: hash.bytes.word(0), low: hash.bytes.word(1)),
            md5: keys.md5,
            sha256: keys.sha256
        )
    }

    private static func key(
        _ algorithm: PasswordAlgorithm,
        _ username: RawSpan,
        _ realm: RawSpan,
        _ password: RawSpan
    ) -> IntegrityKey {
        switch algorithm {
        case .md5: .md5(username: username, realm: realm, password: password)
        case .sha256: .sha256(username: username, realm: realm, password: password)
        }
    }

    private static func digest(_ domain: RawSpan, _ name: RawSpan, _ key: RawSpan) -> UserDigest {
        let digest = hmacSHA256(key: key, domain, name)
        return UserDigest(high: digest.bytes.word(0), low: digest.bytes.word(1))
    }
}

extension UserDigest {
    /// Orders digests, for searching.
    fileprivate func isBelow(_ other: UserDigest) -> Bool {
        (high, low) < (other.high, other.low)
    }
}
