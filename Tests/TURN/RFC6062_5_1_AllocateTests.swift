import STUN
import Testing

@testable import TURN

@Suite("RFC 6062 5.1: Allocate for TCP, and what does not go through such an allocation")
struct RFC6062_5_1_AllocateTests {
    private let server = TestServer.forTCP()

    @Test(arguments: [ClientTransport.tcp, .tls])
    func aStreamMayHaveATCPAllocation(_ transport: ClientTransport) {
        let alice = server.tcpClient()
        alice.transport = transport
        #expect(
            server.expect(alice.request(.allocate, .transport(6)))
                == ["allocate ok relayed=50.0.0.1:50000 lifetime=600 mapped=192.0.2.1:1000 sha1"]
        )
        #expect(server.relayRequest?.transport == .tcp)
        #expect(server.statistics.allocations == 1)
    }

    @Test(arguments: [ClientTransport.udp, .dtls])
    func datagramsMayNot(_ transport: ClientTransport) {
        let alice = server.tcpClient()
        alice.transport = transport
        #expect(server.expect(alice.request(.allocate, .transport(6))) == ["allocate 400 sha1"])
    }

    @Test func attributesForUDPAreRefused() {
        let alice = server.tcpClient()
        for attribute in [
            TestAttribute.empty(.dontFragment), .evenPort(reserve: false),
            .evenPort(reserve: true), .token(2),
        ] {
            let request = alice.request(.allocate, .transport(6), attribute)
            #expect(server.expect(request) == ["allocate 400 sha1"])
        }
        #expect(server.statistics.allocations == 0)
    }

    @Test func otherTransportsAreRefused() {
        let alice = server.tcpClient()
        for number in [0, 1, 5, 7, 132, 255] as [UInt8] {
            let request = alice.request(.allocate, .transport(number))
            #expect(server.expect(request) == ["allocate 442 sha1"])
        }
    }

    @Test func withoutTCPRelayItIsNoTransport() {
        let server = TestServer()
        let alice = server.tcpClient()
        #expect(server.expect(alice.request(.allocate, .transport(6))) == ["allocate 442 sha1"])
    }

    @Test func aStreamMayHaveAUDPAllocationToo() {
        let alice = server.tcpClient()
        #expect(server.expect(alice.allocate(.evenPort(reserve: true)))[0].contains(" ok "))
        #expect(server.relayRequest?.transport == .udp)
        _ = server.expect(alice.permit("8.8.8.8:80"))
        #expect(server.expect(.accepted("8.8.8.8:80", 50_000)) == ["drop wrongTransport"])
    }

    @Test func needsCredentials() {
        let stranger = server.tcpClient("192.0.2.9:9", nil)
        let answer = server.expect(stranger.unsigned(.allocate, .transport(6)))
        #expect(answer == ["allocate 401 challenge"])
    }

    @Test func datagramsDoNotGoThrough() {
        let alice = server.tcpAllocatedClient()
        #expect(server.expect(alice.permit("8.8.8.8:80")) == ["permission ok sha1"])
        #expect(server.expect(alice.send("x", to: "8.8.8.8:80")) == ["drop wrongTransport"])
        #expect(server.expect(alice.bind(0x4000, to: "8.8.8.8:80")) == ["channel 400 sha1"])
        #expect(server.expect(alice.channelData(0x4000, "x")) == ["drop unboundChannel"])
        #expect(server.statistics.channels == 0)
    }

    @Test func refreshAndDeletionAreAsEver() {
        let alice = server.tcpAllocatedClient()
        #expect(server.expect(alice.request(.refresh), at: 9) == ["refresh ok lifetime=600 sha1"])
        #expect(
            server.expect(alice.request(.refresh, .lifetime(0)))
                == ["refresh ok lifetime=0 sha1", "close 50000"]
        )
    }
}
