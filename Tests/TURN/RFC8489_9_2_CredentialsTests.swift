import STUN
import Testing

@testable import TURN

@Suite("RFC 8489 9.2: long-term credentials, as requests meet them")
struct RFC8489_9_2_CredentialsTests {
    private let server = TestServer()

    @Test(arguments: [Method.allocate, .refresh, .createPermission, .channelBind])
    func challengesEachMethodUnsigned(_ method: Method) {
        let client = server.client("192.0.2.1:1000", nil)
        let output = server.expect(client.unsigned(method))[0]
        #expect(output.hasSuffix(" 401 challenge"))
    }

    @Test func refusesIncompleteCredentialsUnsigned() {
        let alice = server.client()
        let signature = TestSignature(kind: .sha1, key: alice.key)
        let parts: [TestAttribute] = [
            .text(.username, "alice"), .text(.realm, "turnpike"), .bytes(.nonce, alice.nonce),
        ]
        for missing in parts.indices {
            var attributes = parts
            attributes.remove(at: missing)
            let bytes = message(
                .allocate,
                .request,
                alice.transactionID,
                attributes,
                signedBy: signature
            )
            #expect(server.expect(alice.datagram(bytes)) == ["allocate 400"])
        }
    }

    @Test func refusesWrongPasswordsAndUnknownUsers() {
        let liar = server.client("192.0.2.1:1000", "alice", password: "guess")
        #expect(server.expect(liar.allocate()) == ["allocate 401 challenge"])
        let nobody = server.client("192.0.2.1:1000", "nobody", password: "guess")
        #expect(server.expect(nobody.allocate()) == ["allocate 401 challenge"])
        #expect(server.statistics.allocations == 0)
    }

    @Test func refusesStaleAndForeignNonces() {
        let server = TestServer { $0.nonceLifetimeSeconds = 60 }
        let alice = server.client()
        let other = server.client("192.0.2.1:1001", "alice")
        swap(&alice.nonce, &other.nonce)
        #expect(server.expect(alice.allocate()) == ["allocate 438 challenge"])
        // The 438 brought a nonce of her own.
        #expect(server.expect(alice.allocate())[0].hasPrefix("allocate ok"))
        #expect(server.expect(alice.request(.refresh), at: 61) == ["refresh 438 challenge"])
        #expect(server.expect(alice.request(.refresh), at: 61) == ["refresh ok lifetime=600 sha1"])
    }

    @Test func signsAsTheClientDoes() {
        let alice = server.client()
        alice.integrity = .sha256
        alice.algorithm = .sha256
        alice.usesFingerprint = true
        #expect(
            server.expect(alice.allocate()) == [
                "allocate ok relayed=50.0.0.1:50000 lifetime=600 mapped=192.0.2.1:1000 sha256 fingerprint"
            ]
        )
        #expect(
            server.expect(alice.request(.refresh, .lifetime(3))) == [
                "refresh ok lifetime=600 sha256 fingerprint"
            ]
        )
        alice.algorithm = .md5
        alice.integrity = .sha1
        #expect(server.expect(alice.permit("8.8.8.8:1")) == ["permission ok sha1"])
    }

    /// The harness names each attribute of an answer.
    @Test func answersToWhoHasProvedHimselfRepeatNoCredentials() {
        let alice = server.client()
        #expect(
            server.expect(alice.allocate()) == [
                "allocate ok relayed=50.0.0.1:50000 lifetime=600 mapped=192.0.2.1:1000 sha1"
            ]
        )
        #expect(server.expect(alice.allocate()) == ["allocate 437 sha1"])
        #expect(server.expect(alice.request(.refresh)) == ["refresh ok lifetime=600 sha1"])
        #expect(server.expect(alice.permit("8.8.8.8:1")) == ["permission ok sha1"])
        #expect(server.expect(alice.permit("10.0.0.1:1")) == ["permission 403 sha1"])
        alice.usesUserhash = true
        alice.algorithm = .md5
        #expect(server.expect(alice.bind(0x4000, to: "8.8.8.8:1")) == ["channel ok sha1"])
        #expect(server.expect(alice.bind(0x4001, to: "8.8.8.8:1")) == ["channel 400 sha1"])
    }

    /// RFC 8489 14.9: clients make their keys from the realm as they are told it.
    @Test func theRealmIsAnOpaqueString() {
        let server = TestServer { $0.realm = "north\u{00A0}pole" }
        let alice = server.client()
        alice.realm = "north pole"
        #expect(server.expect(alice.allocate())[0].hasPrefix("allocate ok"))
    }

    @Test func knowsUsersByTheirHash() {
        let alice = server.client()
        alice.usesUserhash = true
        alice.algorithm = .sha256
        #expect(server.expect(alice.allocate())[0].hasSuffix("sha1"))
        alice.usesUserhash = false
        alice.algorithm = nil
        #expect(server.expect(alice.permit("8.8.8.8:1")) == ["permission ok sha1"])
    }

    @Test func unknownAttributesAreLookedAtAfterCredentials() {
        let alice = server.client()
        #expect(
            server.expect(alice.unsigned(.allocate, .number(0x7777))) == ["allocate 401 challenge"]
        )
        #expect(
            server.expect(alice.allocate(.number(0x7777), .number(0x0026)))
                == ["allocate 420 unknown=7777,26 sha1"]
        )
        #expect(server.expect(alice.allocate(.number(0x8777)))[0].hasPrefix("allocate ok"))
    }

    /// Servers obeyed such attributes, which anybody on the way can append.
    @Test func attributesAfterIntegrityAreNotObeyed() {
        let alice = server.allocatedClient()
        guard case .client(_, var bytes) = alice.request(.refresh) else { return }
        bytes += [0x00, 0x0D, 0, 4, 0, 0, 0, 0]
        bytes[3] += 8
        #expect(server.expect(alice.datagram(bytes)) == ["refresh ok lifetime=600 sha1"])
    }

    @Test(arguments: ["north", "south"])
    func acceptsTimeLimitedCredentialsOfAnySecret(_ secret: String) {
        let carol = client(secret: secret, endsAfter: 100)
        #expect(server.expect(carol.allocate(), at: 99)[0].hasPrefix("allocate ok"))
    }

    /// A call goes on when the credentials that began it end.
    @Test func expiryOfCredentialsCountsForAllocateOnly() {
        let late = client(secret: "north", endsAfter: 100)
        #expect(server.expect(late.allocate(), at: 100) == ["allocate 401 challenge"])
        #expect(server.expect(late.allocate(), at: 99)[0].hasPrefix("allocate ok"))
        #expect(server.expect(late.request(.refresh), at: 500) == ["refresh ok lifetime=600 sha1"])
        #expect(server.expect(late.permit("8.8.8.8:1"), at: 900) == ["permission ok sha1"])
    }

    @Test func openServersAskForNothing() {
        let server = TestServer { $0.isAuthenticationRequired = false }
        let client = server.client("192.0.2.1:1000", nil)
        #expect(
            server.expect(client.allocate())
                == ["allocate ok relayed=50.0.0.1:50000 lifetime=600 mapped=192.0.2.1:1000"]
        )
        #expect(server.expect(client.permit("8.8.8.8:1")) == ["permission ok"])
        #expect(server.relayRequest?.userTag == 0)
        #expect(
            server.expect(client.request(.refresh, .lifetime(0))) == [
                "refresh ok lifetime=0", "close 50000",
            ]
        )
    }

    private func client(secret: String, endsAfter seconds: UInt64) -> TestClient {
        let credentials = TimeLimitedCredentials.make(
            secret: Array(secret.utf8),
            user: "carol",
            expiry: TestServer.start.unixSeconds + seconds
        )
        return server.client(
            "192.0.2.1:1000",
            credentials.username,
            password: credentials.password
        )
    }
}
