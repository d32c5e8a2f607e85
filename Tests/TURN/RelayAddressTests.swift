import STUN
import Testing

@testable import TURN

@Suite("Several relay addresses of a family")
struct RelayAddressTests {
    /// Listens on both relay addresses and on one more; the second is behind a NAT.
    private func server() -> TestServer {
        TestServer {
            $0.listeners = ["50.0.0.1:3478", "50.0.0.2:3478", "10.0.0.1:3478"].map(address)
            $0.streamListeners = ["50.0.0.2:3478", "50.0.0.1:3478"].map(address)
            $0.moreRelays = [
                RelayAddress(ip("50.0.0.2"), external: ip("60.0.0.2")),
                RelayAddress(ip("2a00:50::2")),
            ]
        }
    }

    private func ip(_ text: String) -> IPAddress {
        address("\(text.contains(":") ? "[\(text)]" : text):1").ip
    }

    @Test func aClientGetsTheOneItReachedUsAt() {
        let server = server()
        for (listener, relayed) in [
            (0, "50.0.0.1"), (1, "60.0.0.2"), (3, "60.0.0.2"), (4, "50.0.0.1"),
        ] {
            let alice = server.client("192.0.2.1:\(1000 + listener)")
            alice.listener = UInt16(listener)
            let answer = server.expect(alice.allocate())[0]
            #expect(answer.hasPrefix("allocate ok relayed=\(relayed):"), "\(listener): \(answer)")
            #expect(server.expect(alice.allocate()).first?.hasPrefix("allocate 437") == true)
        }
    }

    @Test func elsewhereAClientHasTheSameForAllItsAllocationsAndAllAreUsed() {
        let server = server()
        func number(_ client: String) -> UInt8? {
            let alice = server.client(client)
            alice.listener = 2
            _ = server.expect(alice.allocate())
            return server.relayRequest?.address
        }
        var used: Set<UInt8?> = []
        for host in 1...10 {
            let first = number("192.0.2.\(host):1000")
            #expect(number("192.0.2.\(host):1001") == first)
            used.insert(first)
        }
        #expect(used == [0, 1])
    }

    @Test func eachFamilyHasItsOwn() {
        let server = server()
        let alice = server.client()
        alice.listener = 1
        let answer = server.expect(alice.allocate(.additionalFamily(2)))[0]
        #expect(
            answer.hasPrefix("allocate ok relayed=60.0.0.2:50000 relayed=[2a00:50::"),
            "\(answer)"
        )
        #expect(server.allocation(at: 0)?.relayAddress == 1)
    }

    @Test func eachIsOneOfOurOwnAsAPeerByEitherName() {
        let server = server()
        let alice = server.allocatedClient("192.0.2.1:1000", "alice")
        #expect(
            server.expect(alice.permit("50.0.0.1:1", "50.0.0.2:1", "60.0.0.2:1")) == [
                "permission ok sha1"
            ]
        )
        #expect(server.statistics.permissions == 2)
        for (peer, destination) in [
            ("50.0.0.1:7", "50.0.0.1:7"), ("50.0.0.2:7", "50.0.0.2:7"),
            ("60.0.0.2:7", "50.0.0.2:7"),
        ] {
            #expect(
                server.expect(alice.send("x", to: peer)) == ["50000 → \(destination): x (own)"]
            )
        }
        #expect(
            server.expect(.peer("50.0.0.2:9", 50_000, "x"))
                == ["data from 60.0.0.2:9 → 192.0.2.1:1000/0: x"]
        )
        #expect(server.expect(alice.permit("50.0.0.3:1")) == ["permission ok sha1"])
        #expect(server.expect(alice.send("x", to: "50.0.0.3:7")) == ["50000 → 50.0.0.3:7: x"])
    }

    @Test func noMoreThanEightOfAFamilyCount() {
        var configuration = ServerConfiguration()
        configuration.relayIPv4 = ip("50.0.0.1")
        configuration.moreRelays = (2...20).map { RelayAddress(ip("50.0.0.\($0)")) }
        let addresses = configuration.relayAddresses(.ipv4)
        #expect(addresses.count == 8)
        #expect(addresses[7].bound == ip("50.0.0.8"))
        #expect(addresses.number(bound: ip("50.0.0.9")) == nil)
        #expect(configuration.relayAddresses(.ipv6).count == 0)
    }
}
