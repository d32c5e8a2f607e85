import STUN
import Testing

@testable import TURN

@Suite("RFC 8656 21.4: clients behind tunnels through IPv4")
struct RFC8656_21_4_TunnelTests {
    /// Teredo, then 6to4: the first and the last address of each.
    static let tunnels = [
        "[2001::]:9", "[2001:0:ffff:ffff:ffff:ffff:ffff:ffff]:9",
        "[2002::]:9", "[2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:9",
    ]

    @Test(arguments: tunnels)
    func haveNoAllocationAndNoChannel(_ source: String) {
        let server = TestServer()
        let alice = server.client(source)
        for family in [1, 2] as [UInt8] {
            #expect(server.expect(alice.allocate(.family(family))) == ["allocate 403 sha1"])
        }
        #expect(server.expect(alice.bind(0x4000, to: "8.8.8.8:9")) == ["channel 437 sha1"])
        #expect(server.statistics.allocations == 0)
        #expect(server.statistics.errors(.forbidden) == 2)
    }

    @Test(arguments: tunnels)
    func areNowhereToMoveTo(_ target: String) {
        let fixture = MobilityFixture()
        let roamer = fixture.elsewhere(target)
        let request = roamer.resume(with: fixture.alice.ticket)
        #expect(fixture.server.expect(request) == ["refresh 403 sha1"])
        let bind = roamer.bind(0x4000, to: MobilityFixture.peer)
        #expect(fixture.server.expect(bind) == ["channel 437 sha1"])
        #expect(fixture.receiver() == ["channel 4000 → 192.0.2.1:1000/0: p"])
    }

    @Test(arguments: [
        "[2001:1::1]:9", "[2003::1]:9", "[2001:470::1]:9", "32.1.0.0:9", "32.2.0.0:9",
    ])
    func neighboursAreServed(_ source: String) {
        let server = TestServer()
        let alice = server.client(source)
        #expect(server.expect(alice.allocate())[0].hasPrefix("allocate ok"))
        #expect(server.expect(alice.bind(0x4000, to: "8.8.8.8:9")) == ["channel ok sha1"])
    }

    @Test(arguments: tunnels)
    func mayAskForTheirAddress(_ source: String) {
        let server = TestServer()
        let client = server.client(source, nil)
        #expect(server.expect(client.unsigned(.binding))[0].hasPrefix("binding ok"))
        #expect(server.expect(client.unsigned(.allocate)) == ["allocate 401 challenge"])
    }
}
