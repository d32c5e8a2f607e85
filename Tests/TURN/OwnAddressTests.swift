import STUN
import Testing

@testable import TURN

@Suite("Relay to relay: this server's own addresses as peers")
struct OwnAddressTests {
    @Test func areReachedAtLiveRelayedPortsOnly() {
        let server = TestServer()
        let alice = server.allocatedClient("192.0.2.1:1000", "alice")
        let bob = server.allocatedClient("192.0.2.2:1000", "bob")
        _ = server.expect(alice.permit("50.0.0.1:1"))
        _ = server.expect(bob.bind(0x4000, to: "50.0.0.1:50000"))
        // The loop looks whether the port is one of a relay: that is what "own" asks of it.
        #expect(
            server.expect(alice.send("x", to: "50.0.0.1:50001")) == [
                "50000 → 50.0.0.1:50001: x (own)"
            ]
        )
        #expect(
            server.expect(bob.channelData(0x4000, "x")) == ["50001 → 50.0.0.1:50000: x (own)"]
        )
        #expect(
            server.expect(.peer("50.0.0.1:50000", 50_001, "x"))
                == ["channel 4000 → 192.0.2.2:1000/0: x"]
        )
    }

    /// Behind a NAT clients know each other by the external address; the kernel does not.
    @Test func externalAddressesStandForRelayAddresses() {
        let server = TestServer { $0.externalIPv4 = IPAddress("60.0.0.1") }
        let alice = server.allocatedClient("192.0.2.1:1000", "alice")
        let bob = server.allocatedClient("192.0.2.2:1000", "bob")
        _ = server.expect(alice.permit("60.0.0.1:1"))
        _ = server.expect(bob.bind(0x4000, to: "60.0.0.1:50000"))
        #expect(
            server.expect(alice.send("x", to: "60.0.0.1:50001")) == [
                "50000 → 50.0.0.1:50001: x (own)"
            ]
        )
        #expect(
            server.expect(.peer("50.0.0.1:50001", 50_000, "x"))
                == ["data from 60.0.0.1:50001 → 192.0.2.1:1000/0: x"]
        )
        #expect(
            server.expect(.peer("50.0.0.1:50000", 50_001, "x"))
                == ["channel 4000 → 192.0.2.2:1000/0: x"]
        )
    }

    @Test func arePermittedEvenWhereTheirPrefixIsDenied() {
        let server = TestServer {
            $0.relayIPv4 = IPAddress("10.0.0.5")
            $0.externalIPv4 = IPAddress("60.0.0.1")
        }
        let alice = server.allocatedClient()
        #expect(server.expect(alice.permit("10.0.0.5:1", "60.0.0.1:1")) == ["permission ok sha1"])
        #expect(server.statistics.permissions == 1)
        #expect(server.expect(alice.permit("10.0.0.6:1")) == ["permission 403 sha1"])
    }

    @Test func areOpenWhereAnAllowRuleSaysSo() {
        let server = TestServer {
            $0.relayIPv4 = IPAddress("127.0.0.1")
            $0.allow = [AddressPrefix("127.0.0.0/8")].compactMap { $0 }
        }
        let alice = server.allocatedClient()
        _ = server.expect(alice.permit("127.0.0.1:1"))
        #expect(server.expect(alice.send("x", to: "127.0.0.1:7")) == ["50000 → 127.0.0.1:7: x"])
    }
}
