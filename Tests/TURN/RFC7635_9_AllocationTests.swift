import STUN
import Testing

@testable import TURN

@Suite("RFC 7635 9: allocations of those who bear tokens")
struct RFC7635_9_AllocationTests {
    private let server = TestServer(trusting: TokenIssuer(), south)
    private let key = "a session key of 160"

    private static var south: TokenIssuer {
        var issuer = TokenIssuer()
        issuer.kid = "south"
        issuer.key = Array("0123456789012345".utf8)
        return issuer
    }

    @Test func onlyAllocateAndRefreshBringTheToken() {
        let bearer = server.bearer()
        #expect(server.expect(bearer.allocate())[0].hasPrefix("allocate ok"))
        bearer.accessToken = nil
        #expect(server.expect(bearer.permit("8.8.8.8:1")) == ["permission ok sha1"])
        #expect(server.expect(bearer.bind(0x4000, to: "8.8.8.8:1")) == ["channel ok sha1"])
        bearer.sessionKey = Array("another session key.".utf8)
        #expect(server.expect(bearer.permit("8.8.8.8:1"))[0].hasPrefix("permission 401"))
        // Nor does the name alone say who it is.
        bearer.sessionKey = Array(key.utf8)
        bearer.username = "alice"
        #expect(server.expect(bearer.permit("8.8.8.8:1"))[0].hasPrefix("permission 401"))
    }

    @Test func aTokenServesSeveralAllocations() {
        let first = server.bearer()
        let second = server.bearer("192.0.2.1:1001")
        #expect(server.expect(first.allocate())[0].hasPrefix("allocate ok"))
        let tag = server.relayRequest?.userTag
        #expect(server.expect(second.allocate())[0].hasPrefix("allocate ok"))
        #expect(server.relayRequest?.userTag == tag)
        // Quotas count who shares a token as one, and nobody else.
        let third = server.bearer("192.0.2.1:1002", key: "another session key.")
        #expect(server.expect(third.allocate())[0].hasPrefix("allocate ok"))
        #expect(server.relayRequest?.userTag != tag)
    }

    @Test func aRetransmissionGetsTheSameAnswer() {
        let bearer = server.bearer()
        let request = bearer.allocate()
        let answer = server.expect(request)
        #expect(server.expect(request) == answer)
        #expect(server.statistics.retransmissions == 1)
    }

    @Test func allocationsEndWithTheirToken() {
        let bearer = server.bearer(lifetime: 700)
        #expect(server.expect(bearer.allocate(.lifetime(3600)))[0].contains("lifetime=700 "))
        let later = server.expect(bearer.request(.refresh, .lifetime(3600)), at: 400)
        #expect(later == ["refresh ok lifetime=305 sha1"])
        // Without the token it is still the token that ends it.
        bearer.accessToken = nil
        let without = server.expect(bearer.request(.refresh, .lifetime(3600)), at: 500)
        #expect(without == ["refresh ok lifetime=205 sha1"])
        #expect(server.expect(.time, at: 704) == [])
        #expect(server.expect(.time, at: 706) == ["close 50000"])
    }

    @Test func anExpiredTokenRefreshesNothing() {
        let bearer = server.bearer(lifetime: 300)
        #expect(server.expect(bearer.allocate())[0].contains("lifetime=300 "))
        let early = server.expect(bearer.request(.refresh), at: 299)
        #expect(early == ["refresh ok lifetime=6 sha1"])
        bearer.take(TokenIssuer().token(Array(key.utf8), lifetime: 290), key)
        let late = server.expect(bearer.request(.refresh), at: 300)
        #expect(late[0].hasPrefix("refresh 401 challenge"))
    }

    @Test func aNewTokenRefreshesWhatAnOldOneMade() {
        let bearer = server.bearer(lifetime: 700)
        #expect(server.expect(bearer.allocate())[0].hasPrefix("allocate ok"))
        let issuer = Self.south
        let made = TestServer.start.unixSeconds + 600
        bearer.take(
            issuer.token(Array("a new key, 20 bytes.".utf8), at: made),
            "a new key, 20 bytes.",
            kid: "south"
        )
        let output = server.expect(bearer.request(.refresh, .lifetime(3000)), at: 590)
        #expect(output == ["refresh ok lifetime=3000 sha1"])
        // What follows is signed with the new key, and no more with the old one.
        bearer.accessToken = nil
        #expect(server.expect(bearer.permit("8.8.8.8:1"), at: 591) == ["permission ok sha1"])
        bearer.sessionKey = Array(key.utf8)
        #expect(server.expect(bearer.permit("8.8.8.8:1"), at: 592)[0].hasPrefix("permission 401"))
        // The place in the quota is still the first token's.
        bearer.sessionKey = Array("a new key, 20 bytes.".utf8)
        #expect(
            server.expect(bearer.request(.refresh, .lifetime(0)), at: 593) == [
                "refresh ok lifetime=0 sha1", "close 50000",
            ]
        )
    }

    @Test func aRefusedRefreshChangesNoKey() {
        let bearer = server.bearer()
        #expect(server.expect(bearer.allocate())[0].hasPrefix("allocate ok"))
        let other = "a new key, 20 bytes."
        bearer.take(TokenIssuer().token(Array(other.utf8)), other)
        #expect(server.expect(bearer.request(.refresh, .family(2))) == ["refresh 443 sha1"])
        bearer.accessToken = nil
        #expect(server.expect(bearer.permit("8.8.8.8:1"))[0].hasPrefix("permission 401"))
        bearer.sessionKey = Array(key.utf8)
        #expect(server.expect(bearer.permit("8.8.8.8:1")) == ["permission ok sha1"])
    }

    /// RFC 8656 5: who comes later on a five-tuple must be who made its allocation.
    @Test func othersAreNotLetIn() {
        let bearer = server.bearer()
        #expect(server.expect(bearer.allocate())[0].hasPrefix("allocate ok"))
        let other = server.bearer(key: "another session key.")
        #expect(server.expect(other.permit("8.8.8.8:1")) == ["permission 441 sha1"])
        #expect(server.expect(other.allocate()) == ["allocate 437 sha1"])
        let alice = server.client()
        #expect(server.expect(alice.request(.refresh)) == ["refresh 441 sha1"])
        let hers = server.allocatedClient("192.0.2.1:2000")
        let guest = server.bearer(hers.address.description)
        #expect(server.expect(guest.request(.refresh)) == ["refresh 441 sha1"])
        #expect(server.expect(hers.permit("8.8.8.8:1")) == ["permission ok sha1"])
    }

    /// ConnectionBind (RFC 6062) brings no token either, and comes from a five-tuple that no token was seen on.
    @Test func dataConnectionsAreTheirOwnersWithoutAToken() {
        let server = TestServer(trusting: TokenIssuer()) { $0.relaysTCP = true }
        let peer = "8.8.8.8:80"
        let bearer = server.bearer()
        bearer.transport = .tcp
        bearer.connection = ConnectionIndex(rawValue: 1)
        let allocate = bearer.request(.allocate, .transport(6))
        #expect(server.expect(allocate)[0].hasPrefix("allocate ok"))
        bearer.accessToken = nil
        _ = server.expect(bearer.request(.connect, .peer(peer)))
        _ = server.expect(.connected(peer, true))
        let data = server.tcpClient("192.0.2.1:2000", "north")
        data.sessionKey = Array("another session key.".utf8)
        let request = data.request(.connectionBind, .connectionID(server.id(peer)))
        #expect(server.expect(request)[0].hasPrefix("bind 401"))
        data.sessionKey = bearer.sessionKey
        let right = data.request(.connectionBind, .connectionID(server.id(peer)))
        #expect(server.expect(right) == ["bind ok sha1", "join \(peer)"])
    }
}
