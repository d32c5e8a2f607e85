import STUN
import Testing

@testable import TURN

@Suite("RFC 6062 5.3: a peer connects to the relayed address")
struct RFC6062_5_3_AcceptTests {
    private let server = TestServer.forTCP()
    private let peer = "8.8.8.8:4711"

    @Test func aPermittedPeerIsAnnounced() {
        let alice = server.tcpAllocatedClient()
        _ = server.expect(alice.permit("8.8.8.8:1"))
        let told = server.expect(.accepted(peer, 50_000))
        #expect(told == ["attempt from \(peer) → 192.0.2.1:1000"])
        #expect(server.statistics.tcpConnections == 1)
        let data = server.tcpClient("192.0.2.1:2000")
        let request = data.request(.connectionBind, .connectionID(server.id(peer)))
        #expect(server.expect(request, at: 29) == ["bind ok sha1", "join \(peer)"])
    }

    @Test func othersAreClosedAtOnce() {
        let alice = server.tcpAllocatedClient()
        #expect(server.expect(.accepted(peer, 50_000)) == ["drop noPermission"])
        _ = server.expect(alice.permit("8.8.4.4:1"))
        #expect(server.expect(.accepted(peer, 50_000)) == ["drop noPermission"])
        let expired = server.expect(.accepted("8.8.4.4:2", 50_000), at: 300)
        #expect(expired == ["drop noPermission"])
        #expect(server.expect(.accepted(peer, 1)) == ["drop noAllocation"])
        let late = server.expect(.accepted("8.8.4.4:2", 50_000), at: 600)
        #expect(late == ["drop noAllocation"])
        #expect(server.statistics.tcpConnections == 0)
        #expect(server.statistics.drops(.noPermission) == 3)
    }

    @Test func aDeniedPeerNeverGetsAPermission() {
        let alice = server.tcpAllocatedClient()
        #expect(server.expect(alice.permit("10.0.0.1:1")) == ["permission 403 sha1"])
        #expect(server.expect(.accepted("10.0.0.1:1", 50_000)) == ["drop noPermission"])
    }

    @Test func mappedAddressesAreThePeersOwn() {
        let alice = server.tcpAllocatedClient()
        _ = server.expect(alice.permit("8.8.8.8:1"))
        let told = server.expect(.accepted("[::ffff:8.8.8.8]:4711", 50_000))
        #expect(told == ["attempt from \(peer) → 192.0.2.1:1000"])
    }

    @Test func whatTheClientDoesNotBindIsClosedAfter30Seconds() {
        let alice = server.tcpAllocatedClient()
        _ = server.expect(alice.permit("8.8.8.8:1"))
        _ = server.expect(.accepted(peer, 50_000), at: 10)
        #expect(server.nextDeadline == 40)
        #expect(server.expect(.time, at: 39.9).isEmpty)
        #expect(server.expect(.time, at: 40) == ["disconnect \(peer)"])
        #expect(server.statistics.tcpConnections == 0)
        let data = server.tcpClient("192.0.2.1:2000")
        let request = data.request(.connectionBind, .connectionID(server.id(peer)))
        #expect(server.expect(request, at: 40) == ["bind 400 sha1"])
    }

    @Test func aFloodOfPeersEndsAtTheBound() {
        let server = TestServer.forTCP { $0.tcpConnectionsPerAllocation = 4 }
        let alice = server.tcpAllocatedClient()
        _ = server.expect(alice.permit("8.8.8.8:1"))
        for port in 1...4 {
            let told = server.expect(.accepted("8.8.8.8:\(port)", 50_000))
            #expect(told == ["attempt from 8.8.8.8:\(port) → 192.0.2.1:1000"])
        }
        for port in 5...500 {
            #expect(server.expect(.accepted("8.8.8.8:\(port)", 50_000)) == ["drop connectionLimit"])
        }
        #expect(server.statistics.drops(.connectionLimit) == 496)
        #expect(server.expect(.time, at: 30).count == 4)
        let told = server.expect(.accepted("8.8.8.8:9", 50_000), at: 30)
        #expect(told == ["attempt from 8.8.8.8:9 → 192.0.2.1:1000"])
    }

    @Test func idsDiffer() {
        let alice = server.tcpAllocatedClient()
        _ = server.expect(alice.permit("8.8.8.8:1"))
        var ids: Set<ConnectionID> = []
        for port in 1...1000 {
            _ = server.expect(.accepted("8.8.8.8:\(port)", 50_000))
            guard let id = server.id("8.8.8.8:\(port)") else { continue }
            ids.insert(id)
            _ = server.expect(.peerEnd("8.8.8.8:\(port)"))
        }
        #expect(ids.count > 995)
        #expect(server.statistics.tcpConnections == 0)
    }
}
