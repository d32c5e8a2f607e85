import STUN
import Testing

@testable import TURN

@Suite("RFC 8489 9.2.1: bid-down protection")
struct PasswordAlgorithmTests {
    private let server = AuthenticatingServer()

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
        #expect(
            server.code(server.draft { $0.key = RequestDraft.key(.sha256, "alice", "secret") })
                == 401
        )
    }

    @Test(arguments: [IntegrityKind.sha1, .sha256])
    func theChosenAlgorithmMakesTheKey(kind: IntegrityKind) throws {
        for (algorithm, value) in [(PasswordAlgorithm.sha256, sha256Only), (.md5, md5Only)] {
            let draft = server.draft {
                $0.algorithms = server.challenge()[.passwordAlgorithms]
                $0.algorithm = value
                $0.integrity = [kind]
                $0.key = RequestDraft.key(algorithm, "alice", "secret")
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
            $0.key = RequestDraft.key(.md5, "user", "pass", realm: "realm")
        }
        #expect(server.code(draft) == 0)
    }

    @Test func aUserWithASHA256KeyTakesMD5OffTheOffer() throws {
        let key = RequestDraft.key(.sha256, "alice", "secret")
        let digits = (0..<32).map { index in
            String(key.bytes.byte(index) | 0, radix: 16).leftPadded
        }
        let server = AuthenticatingServer(users: [("alice", "0x" + digits.joined())])
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

extension String {
    fileprivate var leftPadded: String { count == 1 ? "0" + self : self }
}
