import STUN
import Testing

@testable import TURN

@Suite("RFC 8489 10, RFC 8656 7.2 step 11 and RFC 8155 6: other servers")
struct RFC8489_10_AlternateServerTests {
    private func server(
        _ alternates: String...,
        configure: (inout ServerConfiguration) -> Void = { _ in }
    ) -> TestServer {
        TestServer {
            $0.alternates = alternates.compactMap { AlternateServer($0) }
            $0.redirect = .always
            configure(&$0)
        }
    }

    @Test func clientsAreSentOnInTurnAndSigned() {
        let server = server("50.0.1.1:3478", "50.0.1.2:3479")
        let alice = server.client()
        let first = "allocate 300 alternate=50.0.1.1:3478 sha1"
        let second = "allocate 300 alternate=50.0.1.2:3479 sha1"
        let outputs = (0..<3).flatMap { _ in server.expect(alice.allocate()) }
        #expect(outputs == [first, second, first])
        #expect(server.statistics.errors(.tryAlternate) == 3)
        #expect(server.statistics.allocations == 0)
        // Only of those who prove who they are, and only Allocate.
        let stranger = server.client("192.0.2.9:1", nil)
        #expect(server.expect(stranger.unsigned(.allocate)) == ["allocate 401 challenge"])
        #expect(server.expect(stranger.unsigned(.binding)) == ["binding ok mapped=192.0.2.9:1"])
        #expect(server.expect(alice.request(.refresh)) == ["refresh 437 sha1"])
    }

    @Test func anOpenServerSendsOnUnsigned() {
        let server = server("50.0.1.1:3478") { $0.isAuthenticationRequired = false }
        let client = server.client("192.0.2.1:1000", nil)
        #expect(server.expect(client.allocate()) == ["allocate 300 alternate=50.0.1.1:3478"])
    }

    @Test func theClientsFamilyComesFirst() {
        let server = server("50.0.1.1:1", "[2a00::1]:1", "50.0.1.2:2", "[2a00::2]:2")
        let alice = server.client()
        let bob = server.client("[2a00::7]:9", "bob")
        #expect(
            server.expect(alice.allocate())
                == ["allocate 300 alternate=50.0.1.1:1 alternate=[2a00::1]:1 sha1"]
        )
        #expect(
            server.expect(bob.allocate())
                == ["allocate 300 alternate=[2a00::2]:2 alternate=50.0.1.2:2 sha1"]
        )
        let mapped = server.client("[::ffff:192.0.2.5]:9", "bob")
        #expect(
            server.expect(mapped.allocate())
                == ["allocate 300 alternate=50.0.1.1:1 alternate=[2a00::1]:1 sha1"]
        )
    }

    @Test func aFamilyWithoutAlternatesIsServed() {
        let server = server("[2a00::1]:1")
        #expect(server.expect(server.client().allocate())[0].hasPrefix("allocate ok"))
    }

    /// RFC 8155 6: the checks of the request come before 300.
    @Test func badRequestsAreRefusedAndNotSentOn() {
        let server = server("50.0.1.1:1")
        let alice = server.client()
        #expect(server.expect(alice.request(.allocate)) == ["allocate 400 sha1"])
        #expect(server.expect(alice.request(.allocate, .transport(1))) == ["allocate 442 sha1"])
        #expect(server.expect(alice.allocate(.family(9))) == ["allocate 440 sha1"])
    }

    /// RFC 8155 6: the anycast address sends on to the unicast address, which may be the same server's.
    @Test func whoCameToAnAlternateStays() {
        let server = server("50.0.1.1:3478") {
            $0.listeners = [address("192.0.0.10:3478"), address("50.0.1.1:3478")]
        }
        let alice = server.client()
        #expect(server.expect(alice.allocate()) == ["allocate 300 alternate=50.0.1.1:3478 sha1"])
        alice.listener = 1
        #expect(server.expect(alice.allocate())[0].hasPrefix("allocate ok"))
    }

    @Test func theNameGoesToThoseWhoCanReadIt() {
        let server = server("turn2.example.org@50.0.1.1:5349")
        let alice = server.client()
        alice.transport = .tls
        alice.connection = ConnectionIndex(rawValue: 1)
        _ = server.expect(alice.unsigned(.allocate))
        #expect(server.expect(alice.allocate()) == ["allocate 300 alternate=50.0.1.1:5349 sha1"])
        alice.integrity = .sha256
        let named = "allocate 300 alternate=50.0.1.1:5349 domain=turn2.example.org sha256"
        #expect(server.expect(alice.allocate()) == [named])
        alice.transport = .dtls
        #expect(server.expect(alice.allocate()) == [named])
        alice.transport = .udp
        #expect(server.expect(alice.allocate()) == ["allocate 300 alternate=50.0.1.1:5349 sha256"])
    }

    @Test func whileItDrainsItMakesNoAllocations() {
        let alternates = server("50.0.1.1:3478", "50.0.0.1:3478") {
            $0.redirect = .draining
            $0.isDraining = true
            $0.listeners = [address("50.0.0.1:3478")]
        }
        let alice = alternates.client()
        // Never to the address where he is.
        for _ in 0..<3 {
            let output = alternates.expect(alice.allocate())
            #expect(output == ["allocate 300 alternate=50.0.1.1:3478 sha1"])
        }
        let bob = alternates.client("[2a00::7]:9", "bob")
        #expect(alternates.expect(bob.allocate()) == ["allocate 508 sha1"])
        // Whose port is reserved here stays.
        #expect(alternates.expect(alice.allocate(.token(4)))[0].hasPrefix("allocate ok"))
        // Without draining nobody is sent on.
        let idle = server("50.0.1.1:3478") { $0.redirect = .draining }
        #expect(idle.expect(idle.client().allocate())[0].hasPrefix("allocate ok"))
    }

    @Test func drainingBeginsAndEndsWhileItRuns() {
        let server = server { $0.redirect = .draining }
        let alice = server.allocatedClient()
        server.isDraining = true
        let bob = server.client("192.0.2.2:1000", "bob")
        #expect(server.expect(bob.allocate()) == ["allocate 508 sha1"])
        // What there is goes on.
        #expect(server.expect(alice.request(.refresh)) == ["refresh ok lifetime=600 sha1"])
        #expect(server.expect(alice.permit("8.8.8.8:1")) == ["permission ok sha1"])
        server.isDraining = false
        #expect(server.expect(bob.allocate())[0].hasPrefix("allocate ok"))
    }

    @Test func alternatesAreAddressesWithAName() {
        #expect(AlternateServer("50.0.1.1:3478")?.address.description == "50.0.1.1:3478")
        let named = AlternateServer("turn2.example.org@[2a00::1]:5349")
        #expect(named?.address.description == "[2a00::1]:5349")
        #expect(named?.domain == Array("turn2.example.org".utf8))
        for text in [
            "", "50.0.1.1", "@50.0.1.1:1", "a b@50.0.1.1:1", "turn2.example.org:1", "ü@50.0.1.1:1",
        ] {
            #expect(AlternateServer(text) == nil)
        }
        #expect(AlternateServer(String(repeating: "a", count: 256) + "@50.0.1.1:1") == nil)
    }
}
