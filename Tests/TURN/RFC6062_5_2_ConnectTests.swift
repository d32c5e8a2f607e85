import STUN
import Testing

@testable import TURN

@Suite("RFC 6062 5.2: connecting to a peer")
struct RFC6062_5_2_ConnectTests {
    private let server = TestServer.forTCP()
    private let peer = "8.8.8.8:80"

    @Test func theAnswerComesWhenThePeerHasTakenTheConnection() {
        let alice = server.tcpAllocatedClient()
        alice.usesFingerprint = true
        #expect(server.expect(alice.request(.connect, .peer(peer))) == ["connect 50000 → \(peer)"])
        alice.usesFingerprint = false
        // Others come in between; the answer is to the request that asked.
        _ = server.expect(alice.request(.refresh), at: 1)
        let answer = server.expect(.connected(peer, true), at: 2)
        #expect(answer == ["connect ok id sha1 fingerprint"])
        #expect(server.statistics.tcpConnections == 1)
        #expect(server.expect(.connected(peer, true), at: 2) == ["drop staleConnection"])
    }

    @Test func failureIs447() {
        let alice = server.tcpAllocatedClient()
        alice.integrity = .sha256
        _ = server.expect(alice.request(.connect, .peer(peer)))
        #expect(server.expect(.connected(peer, false), at: 1) == ["connect 447 sha256"])
        #expect(server.statistics.tcpConnections == 0)
        #expect(server.statistics.errors(.connectionTimeoutOrFailure) == 1)
        #expect(server.expect(.connected(peer, false), at: 1) == ["drop staleConnection"])
        // The peer may be tried again.
        let again = server.expect(alice.request(.connect, .peer(peer)), at: 1)
        #expect(again == ["connect 50000 → \(peer)"])
    }

    @Test func timeoutIs447After30Seconds() {
        let alice = server.tcpAllocatedClient()
        _ = server.expect(alice.request(.connect, .peer(peer)), at: 5)
        #expect(server.nextDeadline == 35)
        #expect(server.expect(.time, at: 34.9).isEmpty)
        #expect(server.expect(.time, at: 35) == ["give up \(peer)", "connect 447 sha1"])
        #expect(server.statistics.tcpConnections == 0)
        #expect(server.statistics.tcpConnectionsExpired == 1)
        #expect(server.expect(.connected(peer, true), at: 36) == ["drop staleConnection"])
    }

    @Test func needsATCPAllocationOfTheUser() {
        let alice = server.tcpClient()
        #expect(server.expect(alice.request(.connect, .peer(peer))) == ["connect 437 sha1"])
        _ = server.expect(alice.request(.allocate, .transport(6)))
        let bob = server.tcpClient("192.0.2.1:1000", "bob")
        #expect(server.expect(bob.request(.connect, .peer(peer))) == ["connect 441 sha1"])
        let carol = server.tcpClient("192.0.2.3:3")
        _ = server.expect(carol.allocate())
        #expect(server.expect(carol.request(.connect, .peer(peer))) == ["connect 437 sha1"])
        #expect(server.statistics.tcpConnections == 0)
    }

    @Test func needsCredentials() {
        let alice = server.tcpAllocatedClient()
        let answer = server.expect(alice.unsigned(.connect, .peer(peer)))
        #expect(answer == ["connect 401 challenge"])
        alice.password = "wrong"
        #expect(server.expect(alice.request(.connect, .peer(peer))) == ["connect 401 challenge"])
        #expect(server.statistics.tcpConnections == 0)
    }

    @Test func needsAPeer() {
        let alice = server.tcpAllocatedClient()
        #expect(server.expect(alice.request(.connect)) == ["connect 400 sha1"])
        let malformed = alice.request(.connect, .uint32(.xorPeerAddress, 1))
        #expect(server.expect(malformed) == ["connect 400 sha1"])
        #expect(
            server.expect(alice.request(.connect, .peer("8.8.8.8:0"))) == ["connect 400 sha1"]
        )
    }

    @Test(
        arguments: [
            ("127.0.0.1:80", 403), ("10.1.2.3:80", 403), ("169.254.169.254:80", 403),
            ("0.0.0.0:80", 403), ("[2001:4860::1]:80", 443), ("[::ffff:127.0.0.1]:80", 443),
            ("[::ffff:8.8.8.8]:80", 443),
        ]
    )
    func familyAndPolicyHoldHereToo(_ peer: String, _ code: Int) {
        let alice = server.tcpAllocatedClient()
        let answer = server.expect(alice.request(.connect, .peer(peer)))
        #expect(answer == ["connect \(code) sha1"])
        #expect(server.statistics.tcpConnections == 0)
    }

    @Test func theSamePeerAgainIs446() {
        let alice = server.tcpAllocatedClient()
        let refused = ["connect 446 sha1"]
        _ = server.expect(alice.request(.connect, .peer(peer)))
        #expect(server.expect(alice.request(.connect, .peer(peer))) == refused)
        _ = server.expect(.connected(peer, true))
        #expect(server.expect(alice.request(.connect, .peer(peer))) == refused)
        let data = server.tcpClient("192.0.2.1:2000")
        _ = server.expect(data.request(.connectionBind, .connectionID(server.id(peer))))
        #expect(server.expect(alice.request(.connect, .peer(peer))) == refused)
        // Another port is another peer, and another allocation another relayed address.
        let other = server.expect(alice.request(.connect, .peer("8.8.8.8:81")))
        #expect(other == ["connect 50000 → 8.8.8.8:81"])
        let bob = server.tcpAllocatedClient("192.0.2.2:1", "bob")
        #expect(server.expect(bob.request(.connect, .peer(peer))) == ["connect 50001 → \(peer)"])
        _ = server.expect(.peerEnd("8.8.8.8:81"))
        let again = server.expect(alice.request(.connect, .peer("8.8.8.8:81")))
        #expect(again == ["connect 50000 → 8.8.8.8:81"])
    }

    @Test func ourOwnRelaysAreReachedAsSuch() {
        let alice = server.tcpAllocatedClient()
        let answer = server.expect(alice.request(.connect, .peer("50.0.0.1:50001")))
        #expect(answer == ["connect 50000 → 50.0.0.1:50001 (own)"])
    }

    @Test func aFloodEndsAtTheBoundOfTheAllocation() {
        let server = TestServer.forTCP { $0.tcpConnectionsPerAllocation = 3 }
        let alice = server.tcpAllocatedClient()
        for port in 1...3 {
            let answer = server.expect(alice.request(.connect, .peer("8.8.8.8:\(port)")))
            #expect(answer == ["connect 50000 → 8.8.8.8:\(port)"])
        }
        for port in 4...200 {
            let answer = server.expect(alice.request(.connect, .peer("8.8.8.8:\(port)")))
            #expect(answer == ["connect 508 sha1"])
        }
        #expect(server.statistics.tcpConnections == 3)
        _ = server.expect(.connected("8.8.8.8:2", false))
        let answer = server.expect(alice.request(.connect, .peer("8.8.8.8:5")))
        #expect(answer == ["connect 50000 → 8.8.8.8:5"])
    }

    @Test func aFloodEndsAtTheBoundOfTheThread() {
        let server = TestServer.forTCP { $0.tcpConnectionCapacity = 2 }
        let alice = server.tcpAllocatedClient()
        let bob = server.tcpAllocatedClient("192.0.2.2:1", "bob")
        _ = server.expect(alice.request(.connect, .peer(peer)))
        _ = server.expect(bob.request(.connect, .peer(peer)))
        #expect(
            server.expect(bob.request(.connect, .peer("8.8.8.8:1"))) == ["connect 508 sha1"]
        )
        _ = server.expect(.end(alice))
        #expect(
            server.expect(bob.request(.connect, .peer("8.8.8.8:1")))
                == ["connect 50001 → 8.8.8.8:1"]
        )
    }

    @Test func theEndOfTheAllocationEndsTheAttempt() {
        let alice = server.tcpAllocatedClient()
        _ = server.expect(alice.request(.connect, .peer(peer)))
        #expect(server.expect(.end(alice)) == ["disconnect \(peer)", "close 50000"])
        #expect(server.expect(.connected(peer, true)) == ["drop staleConnection"])
        #expect(server.statistics.tcpConnections == 0)
        #expect(server.nextDeadline == nil)
    }

    @Test func connectInOtherClassesIsDropped() {
        let alice = server.tcpAllocatedClient()
        for method in [Method.connect, .connectionBind, .connectionAttempt] {
            let indication = alice.indication(method, .peer(peer))
            #expect(server.expect(indication) == ["drop unexpectedClass"])
        }
        let request = alice.request(.connectionAttempt, .peer(peer))
        #expect(server.expect(request) == ["drop unexpectedClass"])
    }
}
