import STUN
import Testing

@testable import TURN

@Suite("RFC 6062 5.4: the client's data connection is joined to the peer's")
struct RFC6062_5_4_ConnectionBindTests {
    private let server = TestServer.forTCP()
    private let peer = "8.8.8.8:80"

    /// A client whose connection with `peer` waits for it.
    private func connectedClient(at seconds: Double = 0) -> TestClient {
        let alice = server.tcpAllocatedClient()
        _ = server.expect(alice.request(.connect, .peer(peer)), at: seconds)
        _ = server.expect(.connected(peer, true), at: seconds)
        return alice
    }

    private func bind(_ client: TestClient, at seconds: Double = 0) -> [String] {
        let request = client.request(.connectionBind, .connectionID(server.id(peer)))
        return server.expect(request, at: seconds)
    }

    @Test(arguments: [ClientTransport.tcp, .tls])
    func joinsOnANewConnection(_ transport: ClientTransport) {
        _ = connectedClient()
        let data = server.tcpClient("192.0.2.1:2000")
        data.transport = transport
        #expect(bind(data, at: 29.9) == ["bind ok sha1", "join \(peer)"])
        #expect(server.statistics.tcpConnectionsBound == 1)
        // Nothing waits any more but the allocation.
        #expect(server.nextDeadline == 600)
        #expect(server.expect(.time, at: 31).isEmpty)
    }

    /// turnutils_uclient brings the control connection's nonce, and gives up on 438.
    @Test func theNonceOfTheControlConnectionIsGoodFromTheSameHost() {
        let alice = connectedClient()
        let data = server.tcpClient("192.0.2.1:2000")
        data.nonce = alice.nonce
        #expect(bind(data).first == "bind ok sha1")
        let other = TestServer.forTCP()
        let bob = other.tcpAllocatedClient()
        _ = other.expect(bob.request(.connect, .peer(peer)))
        _ = other.expect(.connected(peer, true))
        let elsewhere = other.tcpClient("198.51.100.7:9")
        elsewhere.nonce = bob.nonce
        let request = elsewhere.request(.connectionBind, .connectionID(other.id(peer)))
        #expect(other.expect(request) == ["bind 438 challenge"])
    }

    @Test func bindsOnce() {
        _ = connectedClient()
        #expect(bind(server.tcpClient("192.0.2.1:2000")).count == 2)
        #expect(bind(server.tcpClient("192.0.2.1:2001")) == ["bind 400 sha1"])
        #expect(server.statistics.tcpConnectionsBound == 1)
    }

    @Test func isTheOwnersAlone() {
        _ = connectedClient()
        let bob = server.tcpClient("192.0.2.2:1", "bob")
        #expect(bind(bob) == ["bind 441 sha1"])
        let stranger = server.tcpClient("192.0.2.3:1")
        let unsigned = stranger.unsigned(.connectionBind, .connectionID(server.id(peer)))
        #expect(server.expect(unsigned) == ["bind 401 challenge"])
        // They have taken nothing from the owner.
        #expect(bind(server.tcpClient("192.0.2.1:2000")).count == 2)
    }

    @Test func theUserOfAnotherAllocationIsTheSameUser() {
        _ = connectedClient()
        let data = server.tcpClient("198.51.100.7:9")
        #expect(bind(data) == ["bind ok sha1", "join \(peer)"])
    }

    @Test func unknownIdsAreRefused() {
        _ = connectedClient()
        let data = server.tcpClient("192.0.2.1:2000")
        #expect(server.expect(data.request(.connectionBind)) == ["bind 400 sha1"])
        let malformed = data.request(.connectionBind, .uint8(.connectionID, 1))
        #expect(server.expect(malformed) == ["bind 400 sha1"])
        let id = (server.id(peer)?.rawValue ?? 0) ^ 1
        let foreign = data.request(.connectionBind, .uint32(.connectionID, id))
        #expect(server.expect(foreign) == ["bind 400 sha1"])
        // The connection may try again.
        #expect(bind(data) == ["bind ok sha1", "join \(peer)"])
    }

    @Test func isTooEarlyBeforeThePeerIsThere() {
        let alice = server.tcpAllocatedClient()
        _ = server.expect(alice.request(.connect, .peer(peer)))
        #expect(bind(server.tcpClient("192.0.2.1:2000")) == ["bind 400 sha1"])
    }

    @Test func isTooLateAfter30Seconds() {
        _ = connectedClient(at: 1)
        let data = server.tcpClient("192.0.2.1:2000")
        // Also before the loop has looked at the deadlines.
        #expect(bind(data, at: 31) == ["bind 400 sha1"])
        #expect(server.expect(.time, at: 31) == ["disconnect \(peer)"])
        #expect(bind(data, at: 31) == ["bind 400 sha1"])
    }

    @Test func isTooLateAfterTheAllocation() {
        let alice = connectedClient()
        _ = server.expect(alice.request(.refresh, .lifetime(0)))
        #expect(bind(server.tcpClient("192.0.2.1:2000")) == ["bind 400 sha1"])
    }

    @Test func needsAStreamWithoutAnAllocation() {
        let alice = connectedClient()
        #expect(bind(alice) == ["bind 400 sha1"])
        let datagrams = server.client("192.0.2.1:2000")
        #expect(bind(datagrams) == ["bind 400 sha1"])
        #expect(server.statistics.tcpConnectionsBound == 0)
    }

    @Test func anOpenServerAsksNobody() {
        let server = TestServer.forTCP { $0.isAuthenticationRequired = false }
        let anyone = server.tcpAllocatedClient("192.0.2.1:1000", nil)
        _ = server.expect(anyone.request(.connect, .peer(peer)))
        #expect(server.expect(.connected(peer, true)) == ["connect ok id"])
        let data = server.tcpClient("192.0.2.1:2000", nil)
        let request = data.request(.connectionBind, .connectionID(server.id(peer)))
        #expect(server.expect(request) == ["bind ok", "join \(peer)"])
    }
}

@Suite("RFC 6062 6.2.1: a CONNECTION-ID tells its thread")
struct RFC6062_6_2_ConnectionIDTests {
    @Test(arguments: [0, 1, 7, 1023]) func namesTheThread(_ thread: Int) {
        let server = TestServer.forTCP { $0.threadNumber = thread }
        let alice = server.tcpAllocatedClient()
        _ = server.expect(alice.request(.connect, .peer("8.8.8.8:80")))
        #expect(server.id("8.8.8.8:80")?.thread == thread)
    }

    @Test func isReadFromConnectionBindAlone() {
        let alice = TestServer().client()
        let id = ConnectionID(rawValue: 0x1234_5678)
        func wanted(_ input: TestInput) -> ConnectionID? {
            guard case .client(_, let bytes) = input else { return nil }
            return ConnectionID.wanted(by: bytes.span.rawBytes)
        }
        #expect(wanted(alice.request(.connectionBind, .connectionID(id))) == id)
        #expect(wanted(alice.unsigned(.connectionBind, .connectionID(id))) == id)
        #expect(wanted(alice.request(.connectionBind)) == nil)
        #expect(wanted(alice.request(.connectionBind, .uint8(.connectionID, 1))) == nil)
        #expect(wanted(alice.request(.connect, .connectionID(id))) == nil)
        #expect(wanted(alice.indication(.connectionBind, .connectionID(id))) == nil)
        #expect(wanted(alice.channelData(0x4000, "x")) == nil)
        for count in 0..<24 {
            #expect(wanted(alice.datagram([0, 0x0B] + [UInt8](repeating: 0, count: count))) == nil)
        }
    }
}
