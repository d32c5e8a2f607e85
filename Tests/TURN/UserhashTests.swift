import STUN
import Testing

@testable import TURN

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
        let server = AuthenticatingServer(users: users)
        for (name, password) in users {
            let byHash = server.draft {
                $0.username = nil
                $0.userhash = hash(name)
                $0.key = RequestDraft.key(.md5, name, password)
            }
            let byName = server.draft {
                $0.username = Array(name.utf8)
                $0.key = RequestDraft.key(.md5, name, password)
            }
            let identity = try #require(server.identity(byHash))
            #expect(identity.user == server.identity(byName)?.user)
        }
    }

    @Test func anUnknownOrMalformedHashIsChallenged() {
        let server = AuthenticatingServer()
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
        let server = AuthenticatingServer(secrets: ["north"])
        let nonce = server.challenge()[.nonce] ?? []
        #expect(String(decoding: nonce.prefix(13), as: UTF8.self) == "obMatJos2gAAA")
    }
}
