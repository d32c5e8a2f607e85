import STUN
import TURN
import Testing

@Suite("RFC 8656 11.5: ICMP errors about relayed datagrams")
struct RFC8656_11_5_ICMPTests {
    private let server = TestServer()
    private let alice: TestClient
    private let portUnreachable = ICMPError(type: 3, code: 3)

    init() {
        alice = server.allocatedClient()
        _ = server.expect(alice.permit("8.8.8.8:1"))
    }

    @Test func clientIsToldWithThePeerAndNoData() {
        #expect(
            server.expect(.icmp(portUnreachable, "8.8.8.8:9", 50_000))
                == ["about 8.8.8.8:9 icmp 3/3 0 → 192.0.2.1:1000/0"]
        )
        #expect(
            server.expect(.icmp(ICMPError(type: 11, code: 1), "8.8.8.8:9", 50_000))
                == ["about 8.8.8.8:9 icmp 11/1 0 → 192.0.2.1:1000/0"]
        )
    }

    @Test func bytesAreThoseOfTheFigure() {
        var buffer = [UInt8](repeating: 0xEE, count: 100)
        var span = buffer.mutableSpan
        var reply = span.mutableBytes
        let verdict = server.server.receive(
            ICMPError(type: 3, code: 4, mtu: 0x0102_0304),
            about: address("8.8.8.8:9"),
            on: RelayIndex(rawValue: 1),
            at: TestServer.start,
            reply: &reply
        )
        #expect(verdict == .tell(alice.fiveTuple, count: 44))
        #expect(buffer[..<8] == [0x00, 0x17, 0, 24, 0x21, 0x12, 0xA4, 0x42])
        #expect(buffer[20..<24] == [0x00, 0x12, 0, 8])
        #expect(buffer[32..<44] == [0x80, 0x04, 0, 8, 0, 0, 0x06, 0x04, 1, 2, 3, 4])
    }

    /// A client that has bound a channel gets ICMP in a Data indication all the same.
    @Test func channelsDoNotCarryIt() {
        _ = server.expect(alice.bind(0x4000, to: "8.8.8.8:9"))
        #expect(
            server.expect(.icmp(portUnreachable, "8.8.8.8:9", 50_000))
                == ["about 8.8.8.8:9 icmp 3/3 0 → 192.0.2.1:1000/0"]
        )
    }

    @Test func onlyTypesThatAreToldAreTold() {
        for type in UInt8.min...UInt8.max where type != 3 && type != 11 {
            let error = ICMPError(type: type, code: 0)
            #expect(server.expect(.icmp(error, "8.8.8.8:9", 50_000)) == ["drop icmp"])
        }
        #expect(server.statistics.drops(.icmp) == 254)
        let carol = server.allocatedClient("[2a00::7]:9", family: 2)
        _ = server.expect(carol.permit("[2a00::1]:1"))
        for type in UInt8.min...UInt8.max where !(1...3).contains(type) {
            let error = ICMPError(type: type, code: 0)
            #expect(server.expect(.icmp(error, "[2a00::1]:9", 50_001)) == ["drop icmp"])
        }
        for type in UInt8(1)...3 {
            #expect(
                server.expect(.icmp(ICMPError(type: type, code: 4), "[2a00::1]:9", 50_001))
                    == ["about [2a00::1]:9 icmp \(type)/4 0 → [2a00::7]:9/0"]
            )
        }
    }

    /// 18.13: the MTU for the two messages that have one; MUST be zero for all others.
    @Test func errorDataIsTheMTUOrZero() {
        let carol = server.allocatedClient("[2a00::7]:9", family: 2)
        _ = server.expect(carol.permit("[2a00::1]:1"))
        func data(_ type: UInt8, _ code: UInt8, _ peer: String, _ port: UInt16) -> Substring? {
            let error = ICMPError(type: type, code: code, mtu: 1280)
            return server.expect(.icmp(error, peer, port)).first?.split(separator: " ").dropFirst(4)
                .first
        }
        #expect(data(3, 4, "8.8.8.8:9", 50_000) == "1280")
        #expect(data(3, 3, "8.8.8.8:9", 50_000) == "0")
        #expect(data(11, 4, "8.8.8.8:9", 50_000) == "0")
        #expect(data(2, 0, "[2a00::1]:9", 50_001) == "1280")
        #expect(data(3, 4, "[2a00::1]:9", 50_001) == "0")
        #expect(data(1, 4, "[2a00::1]:9", 50_001) == "0")
    }

    @Test func needsAPermissionForThePeersAddress() {
        #expect(
            server.expect(.icmp(portUnreachable, "8.8.4.4:1", 50_000)) == ["drop noPermission"]
        )
        // Of another client.
        let bob = server.allocatedClient("192.0.2.2:1", "bob")
        _ = server.expect(bob.permit("8.8.4.4:1"))
        #expect(
            server.expect(.icmp(portUnreachable, "8.8.4.4:1", 50_000)) == ["drop noPermission"]
        )
        #expect(
            server.expect(.icmp(portUnreachable, "8.8.4.4:1", 50_001))
                == ["about 8.8.4.4:1 icmp 3/3 0 → 192.0.2.2:1/0"]
        )
    }

    @Test func permissionThatHasEndedCountsNoMore() {
        let input = TestInput.icmp(portUnreachable, "8.8.8.8:9", 50_000)
        #expect(server.expect(input, at: 299) != ["drop noPermission"])
        #expect(server.expect(input, at: 301) == ["drop noPermission"])
    }

    @Test func needsALiveAllocation() {
        let input = TestInput.icmp(portUnreachable, "8.8.8.8:9", 50_000)
        #expect(server.expect(.icmp(portUnreachable, "8.8.8.8:9", 1)) == ["drop noAllocation"])
        for seconds in [200.0, 400] {
            _ = server.expect(alice.permit("8.8.8.8:1"), at: seconds)
        }
        #expect(server.expect(input, at: 599) != ["drop noAllocation"])
        #expect(server.expect(input, at: 601) == ["drop noAllocation"])
        _ = server.expect(.time, at: 602)
        #expect(server.expect(input, at: 602) == ["drop noAllocation"])
    }

    @Test func eachAllocationIsToldSoManyASecond() {
        let input = TestInput.icmp(portUnreachable, "8.8.8.8:9", 50_000)
        func told(_ times: Int, at seconds: Double) -> Int {
            (0..<times).filter { _ in server.expect(input, at: seconds) != ["drop icmp"] }.count
        }
        #expect(told(100, at: 1) == 16)
        #expect(told(100, at: 2) == 4)
        #expect(server.statistics.drops(.icmp) == 180)
        let bob = server.allocatedClient("192.0.2.2:1", "bob", at: 2)
        _ = server.expect(bob.permit("8.8.8.8:1"), at: 2)
        #expect(
            server.expect(.icmp(portUnreachable, "8.8.8.8:9", 50_001), at: 2)
                == ["about 8.8.8.8:9 icmp 3/3 0 → 192.0.2.2:1/0"]
        )
    }

    /// Who is not permitted takes nothing of what the client may be told.
    @Test func whatIsDroppedDoesNotCount() {
        for _ in 0..<100 { _ = server.expect(.icmp(portUnreachable, "8.8.4.4:1", 50_000)) }
        #expect(
            server.expect(.icmp(portUnreachable, "8.8.8.8:9", 50_000))
                == ["about 8.8.8.8:9 icmp 3/3 0 → 192.0.2.1:1000/0"]
        )
    }

    /// Behind a NAT clients know a peer on our own host by its external address.
    @Test func ownPeersAreNamedByTheirExternalAddress() {
        let server = TestServer { $0.externalIPv4 = IPAddress("60.0.0.1") }
        let alice = server.allocatedClient()
        _ = server.expect(alice.permit("60.0.0.1:50001"))
        #expect(
            server.expect(.icmp(portUnreachable, "50.0.0.1:50001", 50_000))
                == ["about 60.0.0.1:50001 icmp 3/3 0 → 192.0.2.1:1000/0"]
        )
    }

    @Test func answersThatDoNotFitAreDropped() {
        var buffer = [UInt8](repeating: 0, count: 43)
        var span = buffer.mutableSpan
        var reply = span.mutableBytes
        let verdict = server.server.receive(
            portUnreachable,
            about: address("8.8.8.8:9"),
            on: RelayIndex(rawValue: 1),
            at: TestServer.start,
            reply: &reply
        )
        #expect(verdict == .drop(.replyOverflow))
    }
}
