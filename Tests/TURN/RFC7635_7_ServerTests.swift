import STUN
import Testing

@testable import TURN

@Suite("RFC 7635 6.1 and 7: what a server does with access tokens")
struct RFC7635_7_ServerTests {
    private let server = TestServer(trusting: TokenIssuer())
    private let start = TestServer.start.unixSeconds

    @Test func tellsItsNameWithEachChallenge() {
        let stranger = server.client("192.0.2.9:9", nil)
        #expect(
            server.expect(stranger.unsigned(.allocate))
                == ["allocate 401 challenge server=turn.example.org"]
        )
        let alice = server.client()
        alice.nonce[5] ^= 1
        alice.algorithm = nil
        #expect(
            server.expect(alice.allocate()) == ["allocate 438 challenge server=turn.example.org"]
        )
        #expect(TestServer().client("192.0.2.9:9", nil).nonce.isEmpty)
    }

    @Test func theKeyInTheTokenSignsRequestAndAnswer() {
        let bearer = server.bearer()
        #expect(
            server.expect(bearer.allocate()) == [
                "allocate ok relayed=50.0.0.1:50000 lifetime=600 mapped=192.0.2.1:1000 sha1"
            ]
        )
        let other = server.bearer("192.0.2.1:1001", key: "a session key of 256 bits, it is")
        other.integrity = .sha256
        other.usesFingerprint = true
        #expect(server.expect(other.allocate())[0].hasSuffix("sha256 fingerprint"))
    }

    @Test func passwordsGoOnBesideTokens() {
        let alice = server.client()
        #expect(server.expect(alice.allocate())[0].hasPrefix("allocate ok"))
        #expect(server.expect(alice.permit("8.8.8.8:1")) == ["permission ok sha1"])
    }

    @Test func whoDoesNotHaveTheSessionKeyIsRefused() {
        let thief = server.bearer()
        thief.sessionKey = Array("another session key.".utf8)
        #expect(server.expect(thief.allocate())[0].hasPrefix("allocate 401 challenge"))
        // A password does not help a token that is no good.
        let alice = server.client()
        alice.accessToken = TokenIssuer().token(Array("a session key of 160".utf8))
        #expect(server.expect(alice.allocate())[0].hasPrefix("allocate 401 challenge"))
    }

    /// coturn and its client sign with 16 bytes whatever the key has.
    @Test func theBeginningOfTheKeyIsTakenIfConfigured() {
        let lenient = TestServer(trusting: TokenIssuer()) { $0.takesShortSessionKeys = true }
        for (server, isTaken) in [(server, false), (lenient, true)] {
            let bearer = server.bearer()
            bearer.sessionKey = Array("a session key of".utf8)
            let output = server.expect(bearer.allocate())[0]
            #expect(output.hasPrefix(isTaken ? "allocate ok" : "allocate 401"))
            if isTaken { #expect(output.hasSuffix("sha1")) }
            bearer.integrity = .sha256
            #expect(!server.expect(bearer.request(.refresh))[0].hasPrefix("refresh ok"))
        }
        let bearer = lenient.bearer("192.0.2.1:1001")
        #expect(lenient.expect(bearer.allocate())[0].hasPrefix("allocate ok"))
    }

    @Test func tokensOfOtherServersAndUnknownKeysAreRefused() {
        var issuer = TokenIssuer()
        issuer.serverName = "other.example.org"
        #expect(server.expect(server.bearer(of: issuer).allocate())[0].hasPrefix("allocate 401"))
        issuer = TokenIssuer()
        issuer.kid = "south"
        #expect(server.expect(server.bearer(of: issuer).allocate())[0].hasPrefix("allocate 401"))
    }

    /// lifetime + Delta > abs(RDnew - TS), with a Delta of 5 seconds.
    @Test(arguments: [
        (0, true), (3604, true), (3605, false), (9000, false), (-5, true), (-3604, true),
        (-3605, false),
    ])
    func tokensAreGoodAroundTheirTime(_ age: Int, _ isGood: Bool) {
        let bearer = server.bearer()
        let made = UInt64(Int(start) - age)
        let key = "a session key of 160"
        bearer.take(TokenIssuer().token(Array(key.utf8), at: made), key)
        let output = server.expect(bearer.allocate())[0]
        #expect(output.hasPrefix(isGood ? "allocate ok" : "allocate 401"))
    }

    @Test func timesAtTheEdgesOfTheirFieldsDoNotTrap() {
        let key = "a session key of 160"
        for (made, lifetime) in [(UInt64(1) << 48 - 1, UInt32.max), (0, .max), (start, 0), (0, 0)] {
            let bearer = server.bearer()
            let token = TokenIssuer().token(Array(key.utf8), at: made, lifetime: lifetime)
            bearer.take(token, key)
            #expect(server.expect(bearer.allocate()).count == 1)
        }
    }

    @Test func anOldNonceIsStale() {
        let bearer = server.bearer()
        let other = server.bearer("192.0.2.1:1001")
        bearer.nonce = other.nonce
        #expect(server.expect(bearer.allocate())[0].hasPrefix("allocate 438 challenge"))
        #expect(server.expect(bearer.allocate())[0].hasPrefix("allocate ok"))
    }

    @Test func withoutKeysTokensAreUnknown() {
        let server = TestServer()
        let bearer = server.bearer()
        #expect(server.expect(bearer.allocate()) == ["allocate 420 unknown=1b"])
        let alice = server.client()
        alice.accessToken = bearer.accessToken
        #expect(server.expect(alice.allocate()) == ["allocate 420 unknown=1b sha1"])
        #expect(server.expect(bearer.unsigned(.allocate)) == ["allocate 401 challenge"])
    }

    /// Decryption allocates: strangers get it as often as they get answers.
    @Test func decryptsWithinTheLimitOfStrangers() {
        let server = TestServer(trusting: TokenIssuer()) { $0.unauthenticatedPerSecond = 2 }
        let bearer = server.bearer()
        #expect(server.expect(bearer.allocate())[0].hasPrefix("allocate ok"))
        let thief = server.client("192.0.2.7:1", "north", at: 1)
        thief.take(bearer.accessToken ?? [], "another session key.")
        let answers = (0..<20).map { _ in server.expect(thief.allocate(), at: 1)[0] }
        #expect(answers.first?.hasPrefix("allocate 401") == true)
        #expect(answers.last == "drop rateLimited")
        #expect(answers.filter { $0 != "drop rateLimited" }.count < 10)
        // The session nearby goes on, token and all.
        let refreshed = server.expect(bearer.request(.refresh), at: 1)
        #expect(refreshed == ["refresh ok lifetime=600 sha1"])
        // Over a connection nobody is struck.
        let connected = server.bearer("192.0.2.7:2")
        connected.transport = .tcp
        connected.connection = ConnectionIndex(rawValue: 1)
        _ = server.expect(connected.unsigned(.allocate), at: 1)
        #expect(server.expect(connected.allocate(), at: 1)[0].hasPrefix("allocate ok"))
    }
}
