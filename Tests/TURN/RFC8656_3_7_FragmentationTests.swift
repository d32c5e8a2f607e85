import STUN
import Testing

@testable import TURN

@Suite("RFC 8656 3.7: DONT-FRAGMENT where IPv4 becomes IPv6")
struct RFC8656_3_7_FragmentationTests {
    private let server = TestServer()

    private func client(_ source: String, _ transport: ClientTransport) -> TestClient {
        let client = server.client(source)
        client.transport = transport
        return client
    }

    @Test(arguments: [ClientTransport.udp, .dtls], ["192.0.2.1:1000", "[::ffff:192.0.2.1]:1000"])
    func datagramsOfIPv4MayNotAskForItTowardsIPv6(_ transport: ClientTransport, _ source: String) {
        let alice = client(source, transport)
        for family in [TestAttribute.family(2), .additionalFamily(2)] {
            let answer = server.expect(alice.allocate(family, .empty(.dontFragment)))
            #expect(answer == ["allocate 420 unknown=1a sha1"])
        }
        #expect(server.statistics.allocations == 0)
        // Without it they are served.
        #expect(server.expect(alice.allocate(.family(2)))[0].hasPrefix("allocate ok"))
    }

    @Test func aFamilyThatIsPreferredOrReservedCountsToo() {
        let alice = client("192.0.2.1:1000", .udp)
        let token = server.expect(alice.allocate(.token(3), .empty(.dontFragment)))
        #expect(token == ["allocate 420 unknown=1a sha1"])
        #expect(
            server.expect(alice.allocate(.token(2), .empty(.dontFragment)))[0]
                .hasPrefix("allocate ok")
        )
    }

    @Test(arguments: [
        ("192.0.2.1:1000", ClientTransport.udp, TestAttribute.family(1)),
        ("[2a00::7]:9", .udp, .family(2)), ("[2a00::7]:9", .udp, .family(1)),
        ("[2a00::7]:9", .dtls, .additionalFamily(2)),
        ("192.0.2.1:1000", .tcp, .family(2)), ("192.0.2.1:1000", .tls, .additionalFamily(2)),
    ])
    func allOthersMay(_ source: String, _ transport: ClientTransport, _ family: TestAttribute) {
        let alice = client(source, transport)
        let answer = server.expect(alice.allocate(family, .empty(.dontFragment)))
        #expect(answer[0].hasPrefix("allocate ok"))
    }

    @Test func whereIPv6IsNotRelayedNothingIsTranslated() {
        let server = TestServer { $0.relayIPv6 = nil }
        let alice = server.client()
        let answer = server.expect(alice.allocate(.additionalFamily(2), .empty(.dontFragment)))
        #expect(answer[0].hasPrefix("allocate ok"))
        #expect(
            server.expect(alice.allocate(.family(2), .empty(.dontFragment)))[0]
                == "allocate 437 sha1"
        )
    }
}
