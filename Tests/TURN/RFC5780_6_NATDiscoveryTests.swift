import STUN
import Testing

@testable import TURN

@Suite("RFC 5780 6 and 7: NAT behaviour discovery")
struct RFC5780_6_NATDiscoveryTests {
    private let server = Self.server()

    /// The listeners are two others and the four sockets, in this order.
    private static let listeners = [
        "50.0.0.9:3478", "[2a00:50::1]:3478", "50.0.0.2:3479", "50.0.0.1:3478", "50.0.0.1:3479",
        "50.0.0.2:3478",
    ]

    private static func server(
        listeners: [String] = listeners,
        configure: (inout ServerConfiguration) -> Void = { _ in }
    ) -> TestServer {
        TestServer {
            $0.listeners = listeners.map { address($0) }
            $0.natDiscovery = [
                CrossedAddresses(address("50.0.0.1:3478"), address("50.0.0.2:3479"))
            ].compactMap { $0 }
            configure(&$0)
        }
    }

    private func client(_ listener: UInt16, of server: TestServer? = nil) -> TestClient {
        let client = (server ?? self.server).client("192.0.2.1:1000", nil)
        client.listener = listener
        return client
    }

    private func change(ip: Bool, port: Bool) -> TestAttribute {
        .uint32(.changeRequest, (ip ? 4 : 0) | (port ? 2 : 0))
    }

    private let mapped = "binding ok mapped=192.0.2.1:1000 plain=192.0.2.1:1000"

    @Test(
        arguments: [
            (3, "50.0.0.1:3478", "50.0.0.2:3479"), (4, "50.0.0.1:3479", "50.0.0.2:3478"),
            (5, "50.0.0.2:3478", "50.0.0.1:3479"), (2, "50.0.0.2:3479", "50.0.0.1:3478"),
        ] as [(UInt16, String, String)]
    )
    func tellsOriginAndOtherAddress(_ listener: UInt16, _ origin: String, _ other: String) {
        let client = client(listener)
        let answer = "\(mapped) origin=\(origin) other=\(other)"
        #expect(server.expect(client.unsigned(.binding)) == [answer])
        // With no flag set it is the same.
        let request = client.unsigned(.binding, change(ip: false, port: false))
        #expect(server.expect(request) == [answer])
    }

    /// Table 1.
    @Test func answersFromTheSocketThatIsAskedFor() {
        let client = client(3)
        let other = "other=50.0.0.2:3479"
        #expect(
            server.expect(client.unsigned(.binding, change(ip: false, port: true)))
                == ["\(mapped) origin=50.0.0.1:3479 \(other) → 192.0.2.1:1000/4"]
        )
        #expect(
            server.expect(client.unsigned(.binding, change(ip: true, port: false)))
                == ["\(mapped) origin=50.0.0.2:3478 \(other) → 192.0.2.1:1000/5"]
        )
        #expect(
            server.expect(client.unsigned(.binding, change(ip: true, port: true)))
                == ["\(mapped) origin=50.0.0.2:3479 \(other) → 192.0.2.1:1000/2"]
        )
    }

    @Test func answersToThePortThatIsAskedFor() {
        let client = client(3)
        #expect(
            server.expect(client.unsigned(.binding, .uint32(.responsePort, 2000 << 16))) == [
                "\(mapped) origin=50.0.0.1:3478 other=50.0.0.2:3479 → 192.0.2.1:2000/3"
            ]
        )
        let bad = client.unsigned(.binding, .uint32(.responsePort, 0))
        #expect(server.expect(bad) == ["binding 400"])
        #expect(server.expect(client.unsigned(.binding, .empty(.responsePort))) == ["binding 400"])
    }

    @Test func padsItsAnswersButNoMoreThanTheRequest() {
        let client = client(3)
        for (asked, given) in [(0, 0), (4, 4), (1499, 1499), (1500, 1500), (9000, 1500)] {
            let padding = TestAttribute.bytes(.padding, [UInt8](repeating: 7, count: asked))
            #expect(
                server.expect(client.unsigned(.binding, padding)) == [
                    "\(mapped) origin=50.0.0.1:3478 other=50.0.0.2:3479 padding=\(given)"
                ]
            )
        }
        let both = client.unsigned(
            .binding,
            .bytes(.padding, [0, 0, 0, 0]),
            .uint32(.responsePort, 2000 << 16)
        )
        #expect(server.expect(both) == ["binding 400"])
    }

    @Test func theLongestAnswerFits() {
        let server = Self.server(
            listeners: ["[::1]:1", "[::2]:2", "[::1]:2", "[::2]:1"]
        ) {
            $0.software = String(repeating: "s", count: 127)
            $0.natDiscovery = [CrossedAddresses(address("[::1]:1"), address("[::2]:2"))].compactMap
            {
                $0
            }
        }
        let client = server.client("[2a00::7]:9", nil)
        client.usesFingerprint = true
        let padding = TestAttribute.bytes(.padding, [UInt8](repeating: 0, count: 1500))
        let output = server.expect(client.unsigned(.binding, padding))[0]
        #expect(output.hasSuffix("padding=1500 software fingerprint"))
    }

    @Test func malformedChangeRequestsAreRefused() {
        let client = client(3)
        #expect(server.expect(client.unsigned(.binding, .empty(.changeRequest))) == ["binding 400"])
        let long = client.unsigned(.binding, .uint64(.changeRequest, 6))
        #expect(server.expect(long) == ["binding 400"])
    }

    @Test(arguments: [AttributeType.changeRequest, .responsePort, .padding])
    func elsewhereTheAttributesAreUnknown(_ type: AttributeType) {
        let unknown = "420 unknown=\(String(type.rawValue, radix: 16))"
        // On other listeners, over streams, and where a corner is missing.
        let others = [client(0), client(1)]
        let overTCP = client(3)
        overTCP.transport = .tcp
        overTCP.connection = ConnectionIndex(rawValue: 1)
        for client in others + [overTCP] {
            #expect(
                server.expect(client.unsigned(.binding)) == ["binding ok mapped=192.0.2.1:1000"]
            )
            #expect(
                server.expect(client.unsigned(.binding, .uint32(type, 6))) == ["binding \(unknown)"]
            )
        }
        let three = Self.server(listeners: ["50.0.0.1:3478", "50.0.0.1:3479", "50.0.0.2:3478"])
        let lonely = client(0, of: three)
        #expect(three.expect(lonely.unsigned(.binding)) == ["binding ok mapped=192.0.2.1:1000"])
        #expect(three.expect(lonely.unsigned(.binding, .uint32(type, 6))) == ["binding \(unknown)"])
        // Never for the methods of TURN.
        let alice = server.client()
        alice.listener = 3
        #expect(server.expect(alice.allocate(.uint32(type, 6))) == ["allocate \(unknown) sha1"])
    }

    @Test func strangersAreLimited() {
        let server = Self.server { $0.unauthenticatedPerSecond = 3 }
        let client = client(3, of: server)
        let answers = (0..<20).map { _ in
            server.expect(client.unsigned(.binding, .uint32(.responsePort, 2000 << 16)))[0]
        }
        #expect(answers.filter { $0 == "drop rateLimited" }.count == 14)
    }

    @Test func aSquareHasTwoAddressesAndTwoPortsOfAFamily() {
        func isSquare(_ first: String, _ second: String) -> Bool {
            CrossedAddresses(address(first), address(second)) != nil
        }
        #expect(isSquare("50.0.0.1:1", "50.0.0.2:2"))
        #expect(!isSquare("50.0.0.1:1", "50.0.0.2:1"))
        #expect(!isSquare("50.0.0.1:1", "50.0.0.1:2"))
        #expect(!isSquare("50.0.0.1:1", "[::2]:2"))
    }
}
