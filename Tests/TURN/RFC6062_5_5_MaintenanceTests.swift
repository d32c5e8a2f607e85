import STUN
import Testing

@testable import TURN

@Suite("RFC 6062 5.5: the end of connections")
struct RFC6062_5_5_MaintenanceTests {
    private let server = TestServer.forTCP()

    /// A client with a joined connection, one that waits for it, and one in the making.
    private func busyClient() -> TestClient {
        let alice = server.tcpAllocatedClient()
        _ = server.expect(alice.permit("8.8.8.8:1"))
        for port in 1...2 { _ = server.expect(.accepted("8.8.8.8:\(port)", 50_000)) }
        _ = server.expect(alice.request(.connect, .peer("8.8.8.8:3")))
        let data = server.tcpClient("192.0.2.1:2000")
        let joined = server.expect(
            data.request(.connectionBind, .connectionID(server.id("8.8.8.8:1")))
        )
        precondition(joined == ["bind ok sha1", "join 8.8.8.8:1"])
        return alice
    }

    private let allEnd = [
        "disconnect 8.8.8.8:3", "disconnect 8.8.8.8:2", "disconnect 8.8.8.8:1", "close 50000",
    ]

    @Test func deletionEndsAllConnections() {
        let alice = busyClient()
        let outputs = server.expect(alice.request(.refresh, .lifetime(0)))
        #expect(outputs == ["refresh ok lifetime=0 sha1"] + allEnd)
        #expect(server.statistics.tcpConnections == 0)
        #expect(server.nextDeadline == nil)
    }

    @Test func theEndOfTheControlConnectionEndsAllConnections() {
        let alice = busyClient()
        #expect(server.expect(.end(alice)) == allEnd)
        #expect(server.statistics.tcpConnections == 0)
    }

    @Test func expiryEndsAllConnections() {
        _ = busyClient()
        let outputs = server.expect(.time, at: 600)
        // What waited for its peer or its client has ended with the allocation, and is not ended twice.
        #expect(outputs == allEnd)
        #expect(server.statistics.tcpConnections == 0)
        #expect(server.nextDeadline == nil)
    }

    @Test func theEndOfADataConnectionLeavesTheRest() {
        let alice = busyClient()
        let data = server.tcpClient("192.0.2.1:2000")
        // The loop tells of the pair; that the client's connection has no allocation is no matter.
        #expect(server.expect(.end(data)).isEmpty)
        #expect(server.expect(.peerEnd("8.8.8.8:1")).isEmpty)
        #expect(server.expect(.peerEnd("8.8.8.8:1")).isEmpty)
        #expect(server.statistics.tcpConnections == 2)
        #expect(server.expect(.peerEnd("8.8.8.8:3")).isEmpty)
        #expect(server.expect(.connected("8.8.8.8:3", true)) == ["drop staleConnection"])
        #expect(server.expect(.end(alice)) == ["disconnect 8.8.8.8:2", "close 50000"])
    }

    @Test func theEndOfAPermissionCutsNothing() {
        let alice = busyClient()
        _ = server.expect(alice.request(.refresh, .lifetime(3600)))
        let outputs = server.expect(.time, at: 301)
        #expect(!outputs.contains("disconnect 8.8.8.8:1"))
        #expect(server.statistics.permissions == 0)
        #expect(server.statistics.tcpConnections == 1)
        // It is not enough for a new one.
        #expect(server.expect(.accepted("8.8.8.8:9", 50_000), at: 301) == ["drop noPermission"])
    }

    @Test func placesAreUsedAgainUnderOtherIds() {
        let server = TestServer.forTCP { $0.tcpConnectionCapacity = 1 }
        let alice = server.tcpAllocatedClient()
        _ = server.expect(alice.request(.connect, .peer("8.8.8.8:1")))
        _ = server.expect(.peerEnd("8.8.8.8:1"))
        _ = server.expect(alice.request(.connect, .peer("8.8.8.8:2")))
        #expect(server.tcp.names["8.8.8.8:1"]?.index == server.tcp.names["8.8.8.8:2"]?.index)
        // What is late for the first does not strike the second.
        _ = server.expect(.peerEnd("8.8.8.8:1"))
        #expect(server.expect(.connected("8.8.8.8:1", false)) == ["drop staleConnection"])
        #expect(server.expect(.connected("8.8.8.8:2", true)) == ["connect ok id sha1"])
    }

    @Test func aConnectionIsWithinTheBandwidthOfItsAllocation() {
        let server = TestServer.forTCP { $0.bandwidthPerAllocation = 100_000 }
        let alice = server.tcpAllocatedClient()
        _ = server.expect(alice.request(.connect, .peer("8.8.8.8:1")))
        guard let name = server.tcp.names["8.8.8.8:1"] else { return }
        func takes(_ count: Int, toPeer: Bool, at seconds: Double) -> Bool {
            let now = TestServer.now(seconds)
            return server.server.takeBandwidth(count, of: name, toPeer: toPeer, at: now)
        }
        #expect(takes(60_000, toPeer: true, at: 1))
        #expect(!takes(60_000, toPeer: true, at: 1))
        #expect(takes(60_000, toPeer: false, at: 1))
        #expect(takes(60_000, toPeer: true, at: 2))
        _ = server.expect(.end(alice))
        #expect(!takes(1, toPeer: true, at: 9))
    }
}
