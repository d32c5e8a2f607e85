import STUN
import Testing

@testable import TURN

@Suite("RFC 8489 9.2.4: receiving a request")
struct AuthenticationTests {
    private let server = AuthenticatingServer()

    @Test func aRequestWithoutIntegrityIsChallenged() {
        #expect(server.code(server.draft { $0.integrity = [] }) == 401)
    }

    @Test func aMissingUserRealmOrNonceIsABadRequest() {
        #expect(server.code(server.draft { $0.username = nil }) == 400)
        #expect(server.code(server.draft { $0.realm = nil }) == 400)
        #expect(server.code(server.draft { $0.nonce = nil }) == 400)
        // Before anything is proved, so also with a wrong password.
        let wrong = RequestDraft.key(.md5, "alice", "wrong")
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
        #expect(identity.key == RequestDraft.key(.md5, "alice", "secret"))
        #expect(identity.userTag == identity.user.high)
    }

    @Test func anUnknownUserOrAWrongPasswordIsChallenged() {
        #expect(server.code(server.draft { $0.username = Array("mallory".utf8) }) == 401)
        #expect(server.code(server.draft { $0.username = [] }) == 401)
        #expect(
            server.code(server.draft { $0.key = RequestDraft.key(.md5, "alice", "wrong") }) == 401
        )
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
        let draft = server.draft { $0.key = RequestDraft.key(.md5, "alice", "wrong") }
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
        let server = AuthenticatingServer(secrets: ["north"])
        let draft = server.draft {
            $0.algorithms = server.challenge()[.passwordAlgorithms]
            $0.algorithm = sha256Only
            $0.integrity = [.sha256]
            $0.key = RequestDraft.key(.sha256, "alice", "secret")
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
        let open = AuthenticatingServer(isRequired: false)
        #expect(open.code(open.draft { $0.integrity = [] }) == 0)
        #expect(open.identity(open.draft()) != nil)
        #expect(open.code(open.draft { $0.key = RequestDraft.key(.md5, "alice", "wrong") }) == 401)
    }
}

@Suite("Challenges")
struct ChallengeTests {
    @Test func aChallengeIsSmall() {
        let challenge = AuthenticatingServer().challenge()
        #expect(
            Set(challenge.keys) == [.errorCode, .realm, .nonce, .passwordAlgorithms]
        )
        #expect(challenge[.errorCode] == [0, 0, 4, 1])
        #expect(challenge[.realm] == Array("example.org".utf8))
        #expect(challenge[.nonce]?.count == 29)
    }

    @Test func a438CarriesTheSame() {
        let challenge = AuthenticatingServer().challenge(.staleNonce)
        #expect(Set(challenge.keys) == [.errorCode, .realm, .nonce, .passwordAlgorithms])
        #expect(challenge[.errorCode] == [0, 0, 4, 38])
    }

    @Test func softwareIsSaidOnlyWhenConfigured() {
        #expect(AuthenticatingServer(software: "pike").challenge()[.software] == Array("pike".utf8))
    }

    @Test func eachAddressGetsItsOwnNonce() {
        var server = AuthenticatingServer()
        let first = server.challenge()[.nonce]
        #expect(server.challenge()[.nonce] == first)
        server.client.port += 1
        #expect(server.challenge()[.nonce] != first)
    }
}
