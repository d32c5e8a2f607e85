import STUN
import Testing

@testable import TURN

@Suite("RFC 8656 7.2, steps 7 and 8: the family of the relayed address")
struct RFC8656_7_2_AddressFamilyTests {
    private let server = TestServer()

    // 7.

    @Test func relaysTheFamilyThatIsAskedFor() {
        let alice = server.client()
        #expect(
            server.expect(alice.allocate(.family(2)))
                == [
                    "allocate ok relayed=[2a00:50::1]:50000 lifetime=600 mapped=192.0.2.1:1000 sha1"
                ]
        )
        // Without a word it is IPv4, also for clients that come over IPv6.
        let bob = server.client("[2a00::7]:9", "bob")
        #expect(
            server.expect(bob.allocate())
                == ["allocate ok relayed=50.0.0.1:50001 lifetime=600 mapped=[2a00::7]:9 sha1"]
        )
    }

    /// RFC 8656 18.6 and 18.11: reserved bits.
    @Test(arguments: [AttributeType.requestedAddressFamily, .additionalAddressFamily])
    func whatFollowsTheFamilyIsIgnored(_ type: AttributeType) {
        let alice = server.client()
        let answer = server.expect(alice.allocate(.uint32(type, 0x02FF_FFFF)))
        #expect(answer[0].hasPrefix("allocate ok"))
        #expect(answer[0].contains(" relayed=[2a00:50::1]:"))
    }

    @Test func refusesFamiliesItDoesNotRelay() {
        let alice = server.client()
        for number in [0, 3, 255] as [UInt8] {
            #expect(server.expect(alice.allocate(.family(number))) == ["allocate 440 sha1"])
        }
        let onlyIPv6 = TestServer { $0.relayIPv4 = nil }
        let bob = onlyIPv6.client("192.0.2.1:1000", "bob")
        #expect(onlyIPv6.expect(bob.allocate()) == ["allocate 440 sha1"])
        #expect(onlyIPv6.expect(bob.allocate(.family(2)))[0].hasPrefix("allocate ok"))
        let onlyIPv4 = TestServer { $0.relayIPv6 = nil }
        let carol = onlyIPv4.client()
        #expect(onlyIPv4.expect(carol.allocate(.family(2))) == ["allocate 440 sha1"])
    }

    // 8.

    @Test func additionalFamiliesAreIPv6AndAlone() {
        let alice = server.client()
        for number in [0, 1, 3] as [UInt8] {
            let request = alice.allocate(.additionalFamily(number))
            #expect(server.expect(request) == ["allocate 400 sha1"])
        }
        #expect(
            server.expect(alice.allocate(.family(1), .additionalFamily(2))) == ["allocate 400 sha1"]
        )
        #expect(
            server.expect(alice.allocate(.evenPort(reserve: true), .additionalFamily(2)))
                == ["allocate 400 sha1"]
        )
        #expect(
            server.expect(alice.allocate(.evenPort(reserve: false), .additionalFamily(2)))[0]
                .hasPrefix("allocate ok")
        )
    }

    @Test func externalAddressesAreToldInPlaceOfRelayAddresses() {
        let server = TestServer {
            $0.externalIPv4 = IPAddress("60.0.0.1")
            $0.externalIPv6 = IPAddress("2a00:60::1")
        }
        let alice = server.client()
        #expect(
            server.expect(alice.allocate())
                == ["allocate ok relayed=60.0.0.1:50000 lifetime=600 mapped=192.0.2.1:1000 sha1"]
        )
        alice.listener = 1
        #expect(
            server.expect(alice.allocate(.family(2)))
                == [
                    "allocate ok relayed=[2a00:60::1]:50001 lifetime=600 mapped=192.0.2.1:1000 sha1"
                ]
        )
    }
}
