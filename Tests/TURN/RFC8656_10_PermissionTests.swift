import STUN
import Testing

@testable import TURN

@Suite("RFC 8656 9 and 10: permissions")
struct RFC8656_10_PermissionTests {
    private let server = TestServer()
    private let alice: TestClient

    init() { alice = server.allocatedClient() }

    private let delivered = "data from 8.8.8.8:53 → 192.0.2.1:1000/0: pong"

    @Test func opensBothWaysForEveryPortOfTheAddress() {
        #expect(server.expect(alice.send("ping", to: "8.8.8.8:53")) == ["drop noPermission"])
        #expect(server.expect(.peer("8.8.8.8:53", 50_000, "pong")) == ["drop noPermission"])
        #expect(server.expect(alice.permit("8.8.8.8:1")) == ["permission ok sha1"])
        #expect(server.expect(alice.send("ping", to: "8.8.8.8:53")) == ["50000 → 8.8.8.8:53: ping"])
        #expect(server.expect(.peer("8.8.8.8:53", 50_000, "pong")) == [delivered])
        #expect(server.expect(.peer("8.8.4.4:53", 50_000, "pong")) == ["drop noPermission"])
        #expect(server.expect(.peer("8.8.8.8:53", 1, "pong")) == ["drop noAllocation"])
    }

    @Test func endsAfterFiveMinutesExactly() {
        _ = server.expect(alice.permit("8.8.8.8:1"), at: 10)
        #expect(server.expect(.peer("8.8.8.8:53", 50_000, "pong"), at: 309.999) == [delivered])
        #expect(
            server.expect(.peer("8.8.8.8:53", 50_000, "pong"), at: 310) == ["drop noPermission"]
        )
        #expect(server.expect(alice.send("x", to: "8.8.8.8:53"), at: 310) == ["drop noPermission"])
        #expect(server.statistics.permissions == 1)
        _ = server.expect(.time, at: 310)
        #expect(server.statistics.permissions == 0)
    }

    @Test func isRefreshedByCreatePermissionOnly() {
        _ = server.expect(alice.permit("8.8.8.8:1"))
        _ = server.expect(alice.send("x", to: "8.8.8.8:53"), at: 200)
        _ = server.expect(.peer("8.8.8.8:53", 50_000, "pong"), at: 250)
        _ = server.expect(alice.request(.refresh), at: 260)
        #expect(server.expect(alice.send("x", to: "8.8.8.8:53"), at: 300) == ["drop noPermission"])
        _ = server.expect(alice.permit("8.8.8.8:1"), at: 310)
        _ = server.expect(alice.permit("8.8.8.8:2"), at: 500)
        #expect(server.expect(.peer("8.8.8.8:53", 50_000, "pong"), at: 799) == [delivered])
        #expect(server.statistics.permissions == 1)
    }

    @Test func holdsAllPeersOfARequestOrNone() {
        #expect(
            server.expect(alice.permit("8.8.8.8:1", "8.8.4.4:1", "9.9.9.9:1")) == [
                "permission ok sha1"
            ]
        )
        #expect(server.statistics.permissions == 3)
        #expect(server.expect(alice.permit("1.1.1.1:1", "10.0.0.1:1")) == ["permission 403 sha1"])
        #expect(server.expect(alice.permit("1.1.1.1:1", "[2a00::1]:1")) == ["permission 443 sha1"])
        #expect(server.statistics.permissions == 3)
        #expect(server.expect(alice.send("x", to: "1.1.1.1:1")) == ["drop noPermission"])
    }

    @Test func malformedComesBeforeFamilyAndFamilyBeforePolicy() {
        let malformed = TestAttribute.uint32(.xorPeerAddress, 0)
        #expect(server.expect(alice.request(.createPermission)) == ["permission 400 sha1"])
        #expect(
            server.expect(
                alice.request(
                    .createPermission,
                    .peer("10.0.0.1:1"),
                    .peer("[2a00::1]:1"),
                    malformed
                )
            )
                == ["permission 400 sha1"]
        )
        #expect(
            server.expect(
                alice.request(.createPermission, .peer("10.0.0.1:1"), .peer("[2a00::1]:1"))
            )
                == ["permission 443 sha1"]
        )
        #expect(
            server.expect(alice.request(.createPermission, .peer("8.8.8.8:1"), .peer("10.0.0.1:1")))
                == ["permission 403 sha1"]
        )
    }

    @Test func needsAnAllocationOfTheUser() {
        let stranger = server.client("192.0.2.9:1", "bob")
        #expect(server.expect(stranger.permit("8.8.8.8:1")) == ["permission 437 sha1"])
        let bob = server.client("192.0.2.1:1000", "bob")
        #expect(server.expect(bob.permit("8.8.8.8:1")) == ["permission 441 sha1"])
        // Whose allocation it is comes before what is asked.
        #expect(server.expect(bob.permit()) == ["permission 441 sha1"])
    }

    @Test(arguments: [
        "0.0.0.0", "127.0.0.1", "10.1.2.3", "169.254.169.254", "172.16.0.1", "192.168.1.1",
        "100.64.0.1", "192.0.2.5", "224.0.0.1", "255.255.255.255",
    ])
    func deniedIPv4PeersAreForbiddenOnEachWay(_ peer: String) {
        #expect(server.expect(alice.permit("\(peer):5")) == ["permission 403 sha1"])
        #expect(server.expect(alice.bind(0x4000, to: "\(peer):5")) == ["channel 403 sha1"])
        #expect(server.expect(alice.send("x", to: "\(peer):5")) == ["drop noPermission"])
        #expect(server.expect(.peer("\(peer):5", 50_000, "x")) == ["drop noPermission"])
    }

    @Test(arguments: [
        "::", "::1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::",
        "2001::1", "fe80::1", "fc00::1", "fec0::1", "ff02::1", "2001:db8::1", "100::1",
    ])
    func deniedIPv6PeersAreForbiddenOnEachWay(_ peer: String) {
        let carol = server.allocatedClient("192.0.2.7:1000", family: 2)
        #expect(server.expect(carol.permit("[\(peer)]:5")) == ["permission 403 sha1"])
        #expect(server.expect(carol.bind(0x4000, to: "[\(peer)]:5")) == ["channel 403 sha1"])
        #expect(server.expect(carol.send("x", to: "[\(peer)]:5")) == ["drop noPermission"])
    }

    /// Mapped addresses passed the deny lists of other servers (CVE-2026-27624).
    @Test(arguments: ["127.0.0.1", "8.8.8.8"])
    func mappedPeersAreOfNeitherFamily(_ peer: String) {
        let carol = server.allocatedClient("192.0.2.7:1000", family: 2)
        for client in [alice, carol] {
            #expect(server.expect(client.permit("[::ffff:\(peer)]:5")) == ["permission 443 sha1"])
            #expect(
                server.expect(client.bind(0x4000, to: "[::ffff:\(peer)]:5")) == ["channel 443 sha1"]
            )
            #expect(
                server.expect(client.send("x", to: "[::ffff:\(peer)]:5")) == ["drop noPermission"]
            )
        }
    }

    /// A dual-stack relayed socket would show IPv4 peers so.
    @Test func mappedSourcesOfPeersAreIPv4() {
        _ = server.expect(alice.permit("8.8.8.8:1"))
        #expect(server.expect(.peer("[::ffff:8.8.8.8]:53", 50_000, "pong")) == [delivered])
    }

    @Test func aNameAllowedIsReachedAlthoughDenied() {
        let server = TestServer {
            $0.allow = [AddressPrefix("10.1.0.0/16")].compactMap { $0 }
        }
        let alice = server.allocatedClient()
        #expect(server.expect(alice.permit("10.1.2.3:1")) == ["permission ok sha1"])
        #expect(server.expect(alice.permit("10.2.2.3:1")) == ["permission 403 sha1"])
        #expect(server.expect(alice.permit("10.1.2.3:1", "10.2.2.3:1")) == ["permission 403 sha1"])
    }

    @Test func numberIsBoundedAndARefusedRequestLeavesNothing() {
        let server = TestServer { $0.permissionsPerAllocation = 4 }
        let alice = server.allocatedClient()
        #expect(server.expect(alice.permit("8.0.0.1:1", "8.0.0.2:1")) == ["permission ok sha1"])
        #expect(
            server.expect(alice.permit("8.0.0.3:1", "8.0.0.1:1", "8.0.0.4:1", "8.0.0.5:1"), at: 100)
                == ["permission 508 sha1"]
        )
        #expect(server.statistics.permissions == 2)
        // Not even a refresh of those it had.
        #expect(server.expect(alice.send("x", to: "8.0.0.1:1"), at: 300) == ["drop noPermission"])
        #expect(
            server.expect(alice.permit("8.0.0.3:1", "8.0.0.3:2", "8.0.0.4:1", "8.0.0.4:9"), at: 301)
                == ["permission ok sha1"]
        )
        #expect(server.statistics.permissions == 2)
    }

    @Test func threadsAreBoundedToo() {
        let server = TestServer {
            $0.allocationCapacity = 1
            $0.permissionsPerAllocation = 3
        }
        let alice = server.allocatedClient()
        for number in 0..<3 {
            #expect(server.expect(alice.permit("8.0.0.\(number):1")) == ["permission ok sha1"])
        }
        #expect(server.expect(alice.permit("8.0.0.9:1")) == ["permission 508 sha1"])
        #expect(server.expect(alice.permit("8.0.0.2:1")) == ["permission ok sha1"])
    }
}
