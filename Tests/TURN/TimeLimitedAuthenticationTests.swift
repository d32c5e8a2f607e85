import STUN
import Testing

@testable import TURN

@Suite("Time-limited credentials in use")
struct TimeLimitedAuthenticationTests {
    private let server = AuthenticatingServer(secrets: ["north", "south"])

    private func draft(
        _ username: String,
        secret: String,
        algorithm: PasswordAlgorithm = .md5
    ) -> RequestDraft {
        let password = TimeLimitedCredentials.password(
            of: Array(username.utf8).span.rawBytes,
            secret: Array(secret.utf8).span.rawBytes
        )
        let text = String(decoding: (0..<28).map { password[$0] }, as: UTF8.self)
        return server.draft {
            $0.username = Array(username.utf8)
            $0.key = RequestDraft.key(algorithm, username, text)
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
        let rotated = AuthenticatingServer(secrets: ["west"])
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
