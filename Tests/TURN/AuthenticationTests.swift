import STUN
import Testing

@testable import TURN

/// The attributes of one request, in the order they are written.
private struct Draft {
    var username: [UInt8]? = Array("alice".utf8)
    var userhash: [UInt8]?
    var realm: [UInt8]? = Array("example.org".utf8)
    var nonce: [UInt8]?
    var algorithms: [UInt8]?
    var algorithm: [UInt8]?
    var integrity: [IntegrityKind] = [.sha1]
    var key: IntegrityKey?

    /// The request's bytes.
    func bytes() -> [UInt8] {
        var storage = [UInt8](repeating: 0, count: 1500)
        let count = storage.withUnsafeMutableBytes { buffer -> Int in
            var span = MutableRawSpan(_unsafeBytes: buffer)
            let type = MessageType(.refresh, .request)
            let transaction = TransactionID(high: 1, low: 2)
            var writer = MessageWriter(into: &span, type: type, transactionID: transaction)
            if let username { writer.append(.username, bytes: username) }
            if let userhash { writer.append(.userhash, bytes: userhash) }
            if let realm { writer.append(.realm, bytes: realm) }
            if let nonce { writer.append(.nonce, bytes: nonce) }
            if let algorithms { writer.append(.passwordAlgorithms, bytes: algorithms) }
            if let algorithm { writer.append(.passwordAlgorithm, bytes: algorithm) }
            for kind in integrity {
                writer.appendIntegrity(kind, key: key ?? Draft.key(.md5, "alice", "secret"))
            }
            return writer.finish() ?? 0
        }
        return Array(storage[..<count])
    }

    static func key(
        _ algorithm: PasswordAlgorithm,
        _ name: String,
        _ password: String,
        realm: String = "example.org"
    ) -> IntegrityKey {
        let name = Array(name.utf8)
        let realm = Array(realm.utf8)
        let password = Array(password.utf8)
        return switch algorithm {
        case .md5:
            .md5(
                username: name.span.rawBytes,
                realm: realm.span.rawBytes,
                password: password.span.rawBytes
            )
        case .sha256:
            .sha256(
                username: name.span.rawBytes,
                realm: realm.span.rawBytes,
                password: password.span.rawBytes
            )
        }
    }
}

/// A server's authentication, and what a client of it would send.
private struct Server {
    var authentication: Authentication
    var client = TransportAddress(ip: IPAddress(ipv4: 0xcb00_7105), port: 4000)
    var now = Now(monotonic: Instant(nanoseconds: 0), unixSeconds: 1_700_000_000)

    init(
        users: [(String, String)] = [("alice", "secret")],
        secrets: [String] = [],
        isRequired: Bool = true,
        software: String = ""
    ) {
        var configuration = ServerConfiguration()
        configuration.realm = "example.org"
        configuration.software = software
        configuration.users = users.compactMap { StaticUser(name: $0.0, password: $0.1) }
        configuration.secrets = secrets.map { Array($0.utf8) }
        configuration.isAuthenticationRequired = isRequired
        configuration.nonceLifetimeSeconds = 600
        authentication = Authentication(configuration: configuration, seed: Array(0..<32))
    }

    /// The challenge this server sends, as attribute values.
    func challenge(_ code: ErrorCode = .unauthorized) -> [AttributeType: [UInt8]] {
        var storage = [UInt8](repeating: 0xff, count: 1500)
        let count = storage.withUnsafeMutableBytes { buffer -> Int in
            var span = MutableRawSpan(_unsafeBytes: buffer)
            let type = MessageType(.allocate, .error)
            let transaction = TransactionID(high: 1, low: 2)
            var writer = MessageWriter(into: &span, type: type, transactionID: transaction)
            authentication.appendChallenge(code, to: &writer, for: client, at: now)
            return writer.finish() ?? 0
        }
        return attributes(Array(storage[..<count]))
    }

    func attributes(_ bytes: [UInt8]) -> [AttributeType: [UInt8]] {
        var values: [AttributeType: [UInt8]] = [:]
        guard let message = Message(bytes.span.rawBytes) else { return values }
        var cursor = message.attributes()
        while let attribute = cursor.next(in: message) {
            values[attribute.type] = Array(
                bytes[attribute.offset..<attribute.offset + attribute.count]
            )
        }
        return values
    }

    /// A request with a fresh nonce, as `edit` makes it.
    func draft(_ edit: (inout Draft) -> Void = { _ in }) -> Draft {
        var draft = Draft()
        draft.nonce = challenge()[.nonce]
        edit(&draft)
        return draft
    }

    func answer(
        _ draft: Draft,
        session: Identity? = nil,
        checksExpiry: Bool = true
    ) -> AuthenticationResult {
        let bytes = draft.bytes()
        guard let message = Message(bytes.span.rawBytes) else { return .badRequest }
        return authentication.authenticate(
            message,
            from: client,
            session: session,
            checksExpiry: checksExpiry,
            at: now
        )
    }

    func isAuthenticated(_ bytes: [UInt8]) -> Bool {
        guard let message = Message(bytes.span.rawBytes) else { return false }
        let result = authentication.authenticate(
            message,
            from: client,
            session: nil,
            checksExpiry: true,
            at: now
        )
        if case .authenticated = result { return true }
        return false
    }

    func identity(
        _ draft: Draft,
        session: Identity? = nil,
        checksExpiry: Bool = true
    ) -> Identity? {
        guard
            case .authenticated(let identity) = answer(
                draft,
                session: session,
                checksExpiry: checksExpiry
            )
        else { return nil }
        return identity
    }

    /// The code of the answer; 0 when the request is let through.
    func code(_ draft: Draft, session: Identity? = nil, checksExpiry: Bool = true) -> UInt16 {
        switch answer(draft, session: session, checksExpiry: checksExpiry) {
        case .authenticated, .anonymous: 0
        case .challenge(let code): code.value
        case .badRequest: 400
        }
    }
}

private let sha256Only: [UInt8] = [0, 2, 0, 0]
private let md5Only: [UInt8] = [0, 1, 0, 0]

@Suite("RFC 8489 9.2.4: receiving a request")
struct AuthenticationTests {
    private let server = Server()

    @Test func aRequestWithoutIntegrityIsChallenged() {
        #expect(server.code(server.draft { $0.integrity = [] }) == 401)
    }

    @Test func aMissingUserRealmOrNonceIsABadRequest() {
        #expect(server.code(server.draft { $0.username = nil }) == 400)
        #expect(server.code(server.draft { $0.realm = nil }) == 400)
        #expect(server.code(server.draft { $0.nonce = nil }) == 400)
        // Before anything is proved, so also with a wrong password.
        let wrong = Draft.key(.md5, "alice", "wrong")
        #expect(
            server.code(
                server.draft {
                    $0.realm = nil
                    $0.key = wrong
                }
            ) == 400
        )
    }

    @Test func theRightPasswordIsTheUser() throws {
        let identity = try #require(server.identity(server.draft()))
        #expect(identity.integrity == .sha1)
        #expect(identity.key == Draft.key(.md5, "alice", "secret"))
        #expect(identity.userTag == identity.user.high)
    }

    @Test func anUnknownUserOrAWrongPasswordIsChallenged() {
        #expect(server.code(server.draft { $0.username = Array("mallory".utf8) }) == 401)
        #expect(server.code(server.draft { $0.username = [] }) == 401)
        #expect(server.code(server.draft { $0.key = Draft.key(.md5, "alice", "wrong") }) == 401)
    }

    @Test func anotherRealmIsChallenged() {
        #expect(server.code(server.draft { $0.realm = Array("example.com".utf8) }) == 401)
    }

    @Test func aUsernameOfTheGreatestLengthIsJustAnUnknownOne() {
        #expect(
            server.code(server.draft { $0.username = [UInt8](repeating: 97, count: 508) }) == 401
        )
        #expect(
            server.code(server.draft { $0.username = [UInt8](repeating: 97, count: 600) }) == 401
        )
    }

    @Test func aStaleNonceWithTheRightPasswordIs438() {
        var later = server
        let draft = server.draft()
        later.now.unixSeconds += 600
        #expect(later.code(draft) == 0)
        later.now.unixSeconds += 1
        #expect(later.code(draft) == 438)
    }

    /// RFC 8489 9.2.4 checks the nonce last, unlike RFC 5389 10.2.2.
    @Test func aStaleNonceWithAWrongPasswordIs401() {
        var later = server
        let draft = server.draft { $0.key = Draft.key(.md5, "alice", "wrong") }
        later.now.unixSeconds += 601
        #expect(later.code(draft) == 401)
    }

    @Test func aNonceOfAnotherAddressOrPortIsStale() {
        var elsewhere = server
        elsewhere.client.port = 4001
        #expect(elsewhere.code(server.draft()) == 438)
        elsewhere.client = TransportAddress(ip: IPAddress(ipv4: 0xcb00_7106), port: 4000)
        #expect(elsewhere.code(server.draft()) == 438)
    }

    @Test func aNonceThatIsNotOursIsStale() {
        #expect(server.code(server.draft { $0.nonce = [] }) == 438)
        #expect(server.code(server.draft { $0.nonce = Array("1234567890".utf8) }) == 438)
        #expect(server.code(server.draft { $0.nonce = [UInt8](repeating: 255, count: 128) }) == 438)
        let fresh = server.challenge()[.nonce] ?? []
        for index in fresh.indices where index >= 13 {
            #expect(
                server.code(
                    server.draft { $0.nonce?[index] = fresh[index] == 65 ? 66 : 65 }
                ) == 438
            )
        }
    }

    @Test func noChangedByteIsOverlooked() {
        let server = Server(secrets: ["north"])
        let draft = server.draft {
            $0.algorithms = server.challenge()[.passwordAlgorithms]
            $0.algorithm = sha256Only
            $0.integrity = [.sha256]
            $0.key = Draft.key(.sha256, "alice", "secret")
        }
        let bytes = draft.bytes()
        #expect(server.isAuthenticated(bytes))
        for index in bytes.indices {
            for bit in 0..<8 {
                var changed = bytes
                changed[index] ^= 1 << bit
                #expect(!server.isAuthenticated(changed), "byte \(index), bit \(bit)")
            }
        }
    }

    @Test func whenNotRequiredARequestWithoutIntegrityIsAnonymous() {
        let open = Server(isRequired: false)
        #expect(open.code(open.draft { $0.integrity = [] }) == 0)
        #expect(open.identity(open.draft()) != nil)
        #expect(open.code(open.draft { $0.key = Draft.key(.md5, "alice", "wrong") }) == 401)
    }
}

@Suite("RFC 8489 9.2.1: bid-down protection")
struct PasswordAlgorithmTests {
    private let server = Server()

    @Test func offersSHA256ThenMD5AndSaysSoInTheNonce() {
        let challenge = server.challenge()
        #expect(challenge[.passwordAlgorithms] == [0, 2, 0, 0, 0, 1, 0, 0])
        #expect(
            challenge[.nonce].map { String(decoding: $0.prefix(13), as: UTF8.self) }
                == "obMatJos2wAAA"
        )
    }

    @Test func neitherAttributeIsMD5() {
        #expect(server.code(server.draft()) == 0)
        #expect(server.code(server.draft { $0.key = Draft.key(.sha256, "alice", "secret") }) == 401)
    }

    @Test(arguments: [IntegrityKind.sha1, .sha256])
    func theChosenAlgorithmMakesTheKey(kind: IntegrityKind) throws {
        for (algorithm, value) in [(PasswordAlgorithm.sha256, sha256Only), (.md5, md5Only)] {
            let draft = server.draft {
                $0.algorithms = server.challenge()[.passwordAlgorithms]
                $0.algorithm = value
                $0.integrity = [kind]
                $0.key = Draft.key(algorithm, "alice", "secret")
            }
            #expect(try #require(server.identity(draft)).integrity == kind)
        }
    }

    @Test func oneWithoutTheOtherIsABadRequest() {
        let list = server.challenge()[.passwordAlgorithms]
        #expect(server.code(server.draft { $0.algorithms = list }) == 400)
        #expect(server.code(server.draft { $0.algorithm = md5Only }) == 400)
    }

    @Test(
        arguments: [
            [0, 1, 0, 0], [0, 1, 0, 0, 0, 2, 0, 0], [], [0, 2, 0, 0, 0, 1, 0],
            [0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0],
        ] as [[UInt8]]
    )
    func aListThatIsNotOursIsABadRequest(list: [UInt8]) {
        let draft = server.draft {
            $0.algorithms = list
            $0.algorithm = md5Only
        }
        #expect(server.code(draft) == 400)
    }

    @Test(
        arguments: [
            [], [0, 3, 0, 0], [0, 1], [0, 1, 0, 4, 1, 2, 3, 4], [0, 1, 0, 4], [1, 0, 0, 0],
        ] as [[UInt8]]
    )
    func anAlgorithmThatIsNotOfTheListIsABadRequest(choice: [UInt8]) {
        let draft = server.draft {
            $0.algorithms = server.challenge()[.passwordAlgorithms]
            $0.algorithm = choice
        }
        #expect(server.code(draft) == 400)
    }

    /// The attacker cleared the bit and took the list out; the client fell for it.
    @Test func aNonceWhoseFeaturesWereClearedIsStale() {
        let draft = server.draft { $0.nonce?.replaceSubrange(9..<13, with: Array("AAAA".utf8)) }
        #expect(server.code(draft) == 438)
    }

    @Test func bothIntegrityAttributesAreJudgedByTheStrongerOne() throws {
        let draft = server.draft { $0.integrity = [.sha1, .sha256] }
        #expect(try #require(server.identity(draft)).integrity == .sha256)
    }

    @Test func aUserWithAnMD5KeyTakesSHA256OffTheOffer() throws {
        let key = "0x8493fbc53ba582fb4c044c456bdc40eb"
        var configuration = ServerConfiguration()
        configuration.realm = "realm"
        configuration.users = [try #require(StaticUser(name: "user", password: key))]
        var server = self.server
        server.authentication = Authentication(
            configuration: configuration,
            seed: Array(0..<32)
        )
        #expect(server.challenge()[.passwordAlgorithms] == md5Only)
        let draft = server.draft {
            $0.username = Array("user".utf8)
            $0.realm = Array("realm".utf8)
            $0.key = Draft.key(.md5, "user", "pass", realm: "realm")
        }
        #expect(server.code(draft) == 0)
    }

    @Test func aUserWithASHA256KeyTakesMD5OffTheOffer() throws {
        let key = Draft.key(.sha256, "alice", "secret")
        let digits = (0..<32).map { index in
            String(key.bytes.byte(index) | 0, radix: 16).leftPadded
        }
        let server = Server(users: [("alice", "0x" + digits.joined())])
        #expect(server.challenge()[.passwordAlgorithms] == sha256Only)
        let draft = server.draft {
            $0.algorithms = sha256Only
            $0.algorithm = sha256Only
            $0.integrity = [.sha256]
            $0.key = key
        }
        #expect(server.code(draft) == 0)
        #expect(server.code(server.draft()) == 401)
    }
}

@Suite("RFC 8489 14.4: USERHASH")
struct UserhashTests {
    private func hash(_ name: String) -> [UInt8] {
        let name = Array(name.utf8)
        let digest = userhash(
            username: name.span.rawBytes,
            realm: Array("example.org".utf8).span.rawBytes
        )
        return (0..<32).map { digest.bytes.byte($0) }
    }

    @Test func findsEachUser() throws {
        let users = (0..<50).map { ("user\($0)", "password\($0)") }
        let server = Server(users: users)
        for (name, password) in users {
            let byHash = server.draft {
                $0.username = nil
                $0.userhash = hash(name)
                $0.key = Draft.key(.md5, name, password)
            }
            let byName = server.draft {
                $0.username = Array(name.utf8)
                $0.key = Draft.key(.md5, name, password)
            }
            let identity = try #require(server.identity(byHash))
            #expect(identity.user == server.identity(byName)?.user)
        }
    }

    @Test func anUnknownOrMalformedHashIsChallenged() {
        let server = Server()
        let hashes = [hash("mallory"), [], Array(hash("alice").dropLast()), hash("alice") + [0]]
        for hash in hashes {
            let draft = server.draft {
                $0.username = nil
                $0.userhash = hash
            }
            #expect(server.code(draft) == 401)
        }
    }

    @Test func isNotOfferedWhereSignedNamesCannotBeFoundByIt() {
        let server = Server(secrets: ["north"])
        let nonce = server.challenge()[.nonce] ?? []
        #expect(String(decoding: nonce.prefix(13), as: UTF8.self) == "obMatJos2gAAA")
    }
}

@Suite("Time-limited credentials in use")
struct TimeLimitedAuthenticationTests {
    private let server = Server(secrets: ["north", "south"])

    private func draft(
        _ username: String,
        secret: String,
        algorithm: PasswordAlgorithm = .md5
    ) -> Draft {
        let password = TimeLimitedCredentials.password(
            of: Array(username.utf8).span.rawBytes,
            secret: Array(secret.utf8).span.rawBytes
        )
        let text = String(decoding: (0..<28).map { password[$0] }, as: UTF8.self)
        return server.draft {
            $0.username = Array(username.utf8)
            $0.key = Draft.key(algorithm, username, text)
            if algorithm == .sha256 {
                $0.algorithms = server.challenge()[.passwordAlgorithms]
                $0.algorithm = sha256Only
            }
        }
    }

    @Test(arguments: ["north", "south"])
    func anyOfTheSecretsSigns(secret: String) {
        #expect(server.code(draft("1700000100:bob", secret: secret)) == 0)
        #expect(server.code(draft("1700000100", secret: secret)) == 0)
        #expect(server.code(draft("bob:1700000100", secret: secret)) == 0)
        #expect(server.code(draft("1700000100:bob", secret: secret, algorithm: .sha256)) == 0)
    }

    @Test func anotherSecretOrNoExpiryIsChallenged() {
        #expect(server.code(draft("1700000100:bob", secret: "west")) == 401)
        #expect(server.code(draft("bob", secret: "north")) == 401)
        #expect(server.code(draft("99999999999999999999999:bob", secret: "north")) == 401)
    }

    @Test func expiryIsCheckedOnlyWhereAnAllocationIsCreated() {
        let expired = draft("1700000000:bob", secret: "north")
        #expect(server.code(expired, checksExpiry: true) == 401)
        #expect(server.code(expired, checksExpiry: false) == 0)
    }

    @Test func freshCredentialsAreTheSameUser() throws {
        let first = try #require(server.identity(draft("1700000100:bob", secret: "north")))
        let second = try #require(server.identity(draft("1700000900:bob", secret: "south")))
        let other = try #require(server.identity(draft("1700000100:carol", secret: "north")))
        #expect(first.user == second.user)
        #expect(first.user != other.user)
        // A running allocation goes on with them.
        #expect(
            server.identity(draft("1700000900:bob", secret: "south"), session: first)?.user
                == first.user
        )
    }

    @Test func aSignedNameIsNeverAStaticUser() throws {
        let known = try #require(server.identity(server.draft()))
        let signed = try #require(server.identity(draft("1700000100:alice", secret: "north")))
        #expect(known.user != signed.user)
    }

    @Test func theKeyOfTheAllocationGoesOnWhenItsSecretIsGone() throws {
        let draft = draft("1700000100:bob", secret: "north")
        let session = try #require(server.identity(draft))
        let rotated = Server(secrets: ["west"])
        #expect(rotated.code(draft, checksExpiry: false) == 401)
        #expect(rotated.code(draft, session: session, checksExpiry: false) == 0)
    }

    @Test func theKeyOfAnotherUsersAllocationProvesNothing() throws {
        let bob = try #require(server.identity(draft("1700000100:bob", secret: "north")))
        var forged = draft("1700000100:carol", secret: "north")
        forged.key = bob.key
        #expect(server.code(forged, session: bob) == 401)
    }

    @Test func anotherUserOnTheSameFiveTupleIsSomebodyElse() throws {
        let bob = try #require(server.identity(draft("1700000100:bob", secret: "north")))
        let carol = try #require(
            server.identity(draft("1700000100:carol", secret: "north"), session: bob)
        )
        #expect(carol.user != bob.user)
    }
}

@Suite("Challenges")
struct ChallengeTests {
    @Test func aChallengeIsSmall() {
        let challenge = Server().challenge()
        #expect(
            Set(challenge.keys) == [.errorCode, .realm, .nonce, .passwordAlgorithms]
        )
        #expect(challenge[.errorCode] == [0, 0, 4, 1])
        #expect(challenge[.realm] == Array("example.org".utf8))
        #expect(challenge[.nonce]?.count == 29)
    }

    @Test func a438CarriesTheSame() {
        let challenge = Server().challenge(.staleNonce)
        #expect(Set(challenge.keys) == [.errorCode, .realm, .nonce, .passwordAlgorithms])
        #expect(challenge[.errorCode] == [0, 0, 4, 38])
    }

    @Test func softwareIsSaidOnlyWhenConfigured() {
        #expect(Server(software: "pike").challenge()[.software] == Array("pike".utf8))
    }

    @Test func eachAddressGetsItsOwnNonce() {
        var server = Server()
        let first = server.challenge()[.nonce]
        #expect(server.challenge()[.nonce] == first)
        server.client.port += 1
        #expect(server.challenge()[.nonce] != first)
    }
}

extension String {
    fileprivate var leftPadded: String { count == 1 ? "0" + self : self }
}

extension IntegrityKey {
    fileprivate static func == (first: IntegrityKey, second: IntegrityKey) -> Bool {
        first.bytes.isEqualInConstantTime(to: second.bytes)
    }
}
