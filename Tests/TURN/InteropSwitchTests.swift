import STUN
import Testing

@testable import TURN

/// Where a configured server differs from the RFC for the sake of old or odd clients.
@Suite struct InteropSwitchTests {
    @Test func withoutAFamilyItMayBeTheClients() {
        let server = TestServer { $0.prefersClientFamily = true }
        let bob = server.client("[2a00::7]:9", "bob")
        #expect(server.expect(bob.allocate())[0].contains("relayed=[2a00:50::1]:50000"))
        let alice = server.client()
        #expect(server.expect(alice.allocate())[0].contains("relayed=50.0.0.1:50001"))
        let mapped = server.client("[::ffff:192.0.2.5]:9", "bob")
        #expect(server.expect(mapped.allocate())[0].contains("relayed=50.0.0.1:50002"))
        // What is asked for counts as ever.
        let carol = server.client("[2a00::8]:9", "bob")
        #expect(server.expect(carol.allocate(.family(1)))[0].contains("relayed=50.0.0.1:50003"))
        let dual = server.client("[2a00::9]:9", "bob")
        let both = server.expect(dual.allocate(.additionalFamily(2)))[0]
        #expect(both.contains("relayed=50.0.0.1:50004"))
    }

    @Test func aFamilyThatIsNotRelayedIsNotPreferred() {
        let server = TestServer {
            $0.prefersClientFamily = true
            $0.relayIPv6 = nil
        }
        let bob = server.client("[2a00::7]:9", "bob")
        #expect(server.expect(bob.allocate())[0].contains("relayed=50.0.0.1:50000"))
    }

    @Test func mappedAddressIsToldIfConfigured() {
        let server = TestServer { $0.tellsMappedAddress = true }
        let client = server.client("192.0.2.1:1000", nil)
        let answer = "binding ok mapped=192.0.2.1:1000 plain=192.0.2.1:1000"
        #expect(server.expect(client.unsigned(.binding)) == [answer])
    }
}
