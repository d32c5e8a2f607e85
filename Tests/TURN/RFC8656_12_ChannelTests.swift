import STUN
import Testing

@testable import TURN

@Suite("RFC 8656 12: channels")
struct RFC8656_12_ChannelTests {
    private let server = TestServer()
    private let alice: TestClient

    init() { alice = server.allocatedClient() }

    private let delivered = "channel 4000 → 192.0.2.1:1000/0: pong"

    @Test func relaysBothWays() {
        #expect(server.expect(alice.channelData(0x4000, "x")) == ["drop unboundChannel"])
        #expect(server.expect(alice.bind(0x4000, to: "8.8.8.8:9")) == ["channel ok sha1"])
        #expect(server.expect(alice.channelData(0x4000, "ping")) == ["50000 → 8.8.8.8:9: ping"])
        #expect(server.expect(.peer("8.8.8.8:9", 50_000, "pong")) == [delivered])
        #expect(server.statistics.channels == 1)
        #expect(server.statistics.permissions == 1)
    }

    @Test func otherPortsOfThePeerHaveItsPermissionButNotTheChannel() {
        _ = server.expect(alice.bind(0x4000, to: "8.8.8.8:9"))
        #expect(
            server.expect(.peer("8.8.8.8:10", 50_000, "pong"))
                == ["data from 8.8.8.8:10 → 192.0.2.1:1000/0: pong"]
        )
        #expect(server.expect(alice.send("x", to: "8.8.8.8:9")) == ["50000 → 8.8.8.8:9: x"])
    }

    @Test func paddingIsOptionalAndWhatTrailsIsIgnored() {
        _ = server.expect(alice.bind(0x4000, to: "8.8.8.8:9"))
        for padding in [0, 1, 3, 4, 100] {
            let input = alice.channelData(0x4000, "ping!", padding: padding)
            #expect(server.expect(input) == ["50000 → 8.8.8.8:9: ping!"])
        }
        #expect(server.expect(alice.channelData(0x4000, "")) == ["50000 → 8.8.8.8:9: "])
    }

    @Test func lengthsBeyondTheDatagramAreDropped() {
        _ = server.expect(alice.bind(0x4000, to: "8.8.8.8:9"))
        for bytes in [
            [0x40], [0x40, 0], [0x40, 0, 0], [0x40, 0, 0, 1], [0x40, 0, 0xFF, 0xFF, 1],
            [0x40, 0, 0, 3, 1, 2],
        ] as [[UInt8]] {
            #expect(server.expect(alice.datagram(bytes)) == ["drop malformed"], "\(bytes)")
        }
    }

    /// RFC 8656 18.1: RFFU.
    @Test func whatFollowsTheNumberIsIgnored() {
        let request = alice.request(
            .channelBind,
            .uint32(.channelNumber, 0x4000_FFFF),
            .peer("8.8.8.8:9")
        )
        #expect(server.expect(request) == ["channel ok sha1"])
        #expect(server.expect(alice.channelData(0x4000, "x")) == ["50000 → 8.8.8.8:9: x"])
        #expect(server.expect(alice.bind(0x4000, to: "8.8.8.8:9")) == ["channel ok sha1"])
    }

    @Test func numbersAreThoseOfRFC8656() {
        for number in [0, 1, 0x3FFF, 0x5000, 0x7FFF, 0x8000, 0xFFFF] as [UInt16] {
            #expect(server.expect(alice.bind(number, to: "8.8.8.8:9")) == ["channel 400 sha1"])
        }
        for (number, peer) in [(0x4000, "8.8.8.8:1"), (0x4FFF, "8.8.8.8:2")] as [(UInt16, String)] {
            #expect(server.expect(alice.bind(number, to: peer)) == ["channel ok sha1"])
            #expect(server.expect(alice.channelData(number, "x")) == ["50000 → \(peer): x"])
        }
        #expect(server.expect(alice.channelData(0x5000, "x")) == ["drop notSTUN"])
    }

    @Test func numbersOfRFC5766IfConfigured() {
        let server = TestServer { $0.rfc5766Channels = true }
        let alice = server.allocatedClient()
        #expect(server.expect(alice.bind(0x7FFF, to: "8.8.8.8:9")) == ["channel ok sha1"])
        #expect(server.expect(alice.channelData(0x7FFF, "x")) == ["50000 → 8.8.8.8:9: x"])
        #expect(server.expect(alice.channelData(0x5000, "x")) == ["drop unboundChannel"])
        for number in [0x3FFF, 0x8000] as [UInt16] {
            #expect(server.expect(alice.bind(number, to: "8.8.8.8:9")) == ["channel 400 sha1"])
        }
    }

    @Test func needsNumberAndPeer() {
        let bad = [
            alice.request(.channelBind),
            alice.request(.channelBind, .channel(0x4000)),
            alice.request(.channelBind, .peer("8.8.8.8:9")),
            alice.request(.channelBind, .uint16(.channelNumber, 0x4000), .peer("8.8.8.8:9")),
            alice.request(.channelBind, .channel(0x4000), .uint32(.xorPeerAddress, 1)),
            alice.bind(0x4000, to: "8.8.8.8:0"),
        ]
        for input in bad { #expect(server.expect(input) == ["channel 400 sha1"]) }
        #expect(server.statistics.permissions == 0)
    }

    @Test func needsAnAllocationOfTheUser() {
        let stranger = server.client("192.0.2.9:1", "bob")
        #expect(server.expect(stranger.bind(0x4000, to: "8.8.8.8:9")) == ["channel 437 sha1"])
        let bob = server.client("192.0.2.1:1000", "bob")
        #expect(server.expect(bob.bind(0x4000, to: "8.8.8.8:9")) == ["channel 441 sha1"])
    }

    @Test func theFamilyMustBeTheAllocations() {
        #expect(server.expect(alice.bind(0x4000, to: "[2a00::1]:9")) == ["channel 443 sha1"])
        let carol = server.allocatedClient("192.0.2.7:1", family: 2)
        #expect(server.expect(carol.bind(0x4000, to: "8.8.8.8:9")) == ["channel 443 sha1"])
        #expect(server.expect(carol.bind(0x4000, to: "[2a00::1]:9")) == ["channel ok sha1"])
        #expect(server.expect(carol.channelData(0x4000, "x")) == ["50001 → [2a00::1]:9: x"])
    }

    @Test func oneNumberOnePeer() {
        _ = server.expect(alice.bind(0x4000, to: "8.8.8.8:9"))
        #expect(server.expect(alice.bind(0x4000, to: "8.8.8.8:10")) == ["channel 400 sha1"])
        #expect(server.expect(alice.bind(0x4000, to: "8.8.4.4:9")) == ["channel 400 sha1"])
        #expect(server.expect(alice.bind(0x4001, to: "8.8.8.8:9")) == ["channel 400 sha1"])
        #expect(server.expect(alice.bind(0x4000, to: "8.8.8.8:9")) == ["channel ok sha1"])
        #expect(server.expect(alice.bind(0x4001, to: "8.8.8.8:10")) == ["channel ok sha1"])
        _ = server.expect(alice.bind(0x4002, to: "8.8.8.8:11"))
        // Both are bound, but not to each other.
        #expect(server.expect(alice.bind(0x4002, to: "8.8.8.8:9")) == ["channel 400 sha1"])
        #expect(server.statistics.channels == 3)
        #expect(server.statistics.permissions == 1)
        // Another allocation has its own numbers.
        let bob = server.allocatedClient("192.0.2.2:1", "bob")
        #expect(server.expect(bob.bind(0x4000, to: "8.8.8.8:10")) == ["channel ok sha1"])
    }

    @Test func lastsTenMinutesAndItsPermissionFive() {
        _ = server.expect(alice.request(.refresh, .lifetime(3600)))
        _ = server.expect(alice.bind(0x4000, to: "8.8.8.8:9"))
        #expect(server.expect(.peer("8.8.8.8:9", 50_000, "pong"), at: 299.9) == [delivered])
        #expect(server.expect(.peer("8.8.8.8:9", 50_000, "pong"), at: 300) == ["drop noPermission"])
        #expect(server.expect(alice.channelData(0x4000, "x"), at: 300) == ["drop noPermission"])
        _ = server.expect(.time, at: 300)
        #expect(server.statistics.permissions == 0)
        #expect(server.statistics.channels == 1)
        #expect(server.expect(alice.channelData(0x4000, "x"), at: 301) == ["drop noPermission"])
        // A permission for any port of the peer revives the channel.
        _ = server.expect(alice.permit("8.8.8.8:1"), at: 310)
        #expect(
            server.expect(alice.channelData(0x4000, "x"), at: 310) == ["50000 → 8.8.8.8:9: x"]
        )
        #expect(server.expect(.peer("8.8.8.8:9", 50_000, "pong"), at: 310) == [delivered])
        #expect(
            server.expect(alice.channelData(0x4000, "x"), at: 599.9) == ["50000 → 8.8.8.8:9: x"]
        )
        // The channel ends, the permission goes on.
        #expect(
            server.expect(alice.channelData(0x4000, "x"), at: 600) == ["drop unboundChannel"]
        )
        #expect(
            server.expect(.peer("8.8.8.8:9", 50_000, "pong"), at: 600)
                == ["data from 8.8.8.8:9 → 192.0.2.1:1000/0: pong"]
        )
        _ = server.expect(.time, at: 600)
        #expect(server.statistics.channels == 0)
        #expect(server.statistics.heldChannels == 1)
    }

    @Test func bindingAgainRefreshesBoth() {
        _ = server.expect(alice.request(.refresh, .lifetime(3600)))
        _ = server.expect(alice.bind(0x4000, to: "8.8.8.8:9"))
        _ = server.expect(alice.bind(0x4000, to: "8.8.8.8:9"), at: 290)
        #expect(server.expect(.peer("8.8.8.8:9", 50_000, "pong"), at: 589) == [delivered])
        _ = server.expect(alice.bind(0x4000, to: "8.8.8.8:9"), at: 880)
        #expect(server.expect(.peer("8.8.8.8:9", 50_000, "pong"), at: 1179) == [delivered])
        #expect(server.expect(alice.channelData(0x4000, "x"), at: 1179) == ["50000 → 8.8.8.8:9: x"])
        #expect(server.statistics.channels == 1)
    }

    @Test func dataDoesNotRefreshIt() {
        _ = server.expect(alice.request(.refresh, .lifetime(3600)))
        _ = server.expect(alice.bind(0x4000, to: "8.8.8.8:9"))
        for second in stride(from: 0.0, to: 600, by: 50) {
            _ = server.expect(alice.permit("8.8.8.8:1"), at: second)
            _ = server.expect(alice.channelData(0x4000, "x"), at: second)
            _ = server.expect(.peer("8.8.8.8:9", 50_000, "x"), at: second)
        }
        #expect(server.expect(alice.channelData(0x4000, "x"), at: 600) == ["drop unboundChannel"])
    }

    @Test func numberAndPeerAreHeldForFiveMinutesAfterTheEnd() {
        _ = server.expect(alice.request(.refresh, .lifetime(3600)))
        _ = server.expect(alice.bind(0x4000, to: "8.8.8.8:9"))
        for second in [600.0, 899.9] {
            #expect(
                server.expect(alice.bind(0x4000, to: "8.8.8.8:10"), at: second)
                    == ["channel 400 sha1"]
            )
            #expect(
                server.expect(alice.bind(0x4001, to: "8.8.8.8:9"), at: second)
                    == ["channel 400 sha1"]
            )
        }
        #expect(
            server.expect(alice.bind(0x4000, to: "8.8.8.8:10"), at: 900) == ["channel ok sha1"]
        )
        #expect(server.expect(alice.bind(0x4001, to: "8.8.8.8:9"), at: 900) == ["channel ok sha1"])
        #expect(server.statistics.heldChannels == 0)
        #expect(server.statistics.channels == 2)
    }

    @Test func theSamePairMayBeBoundWhileHeld() {
        _ = server.expect(alice.request(.refresh, .lifetime(3600)))
        _ = server.expect(alice.bind(0x4000, to: "8.8.8.8:9"))
        _ = server.expect(.time, at: 650)
        #expect(server.statistics.heldChannels == 1)
        #expect(server.expect(alice.bind(0x4000, to: "8.8.8.8:9"), at: 700) == ["channel ok sha1"])
        #expect(server.statistics.heldChannels == 0)
        #expect(server.statistics.channels == 1)
        #expect(server.expect(alice.channelData(0x4000, "x"), at: 700) == ["50000 → 8.8.8.8:9: x"])
        _ = server.expect(.time, at: 950)
        #expect(server.expect(alice.channelData(0x4000, "x"), at: 999) == ["50000 → 8.8.8.8:9: x"])
    }

    @Test func numberOfChannelsIsBounded() {
        let server = TestServer { $0.channelsPerAllocation = 2 }
        let alice = server.allocatedClient()
        #expect(server.expect(alice.bind(0x4000, to: "8.8.8.8:1")) == ["channel ok sha1"])
        #expect(server.expect(alice.bind(0x4001, to: "8.8.8.8:2")) == ["channel ok sha1"])
        #expect(server.expect(alice.bind(0x4002, to: "8.8.4.4:3")) == ["channel 508 sha1"])
        #expect(server.statistics.permissions == 1)
        #expect(server.expect(alice.bind(0x4001, to: "8.8.8.8:2")) == ["channel ok sha1"])
    }

    @Test func aFullTableOfPermissionsLeavesNoChannel() {
        let server = TestServer { $0.permissionsPerAllocation = 1 }
        let alice = server.allocatedClient()
        _ = server.expect(alice.permit("8.8.8.8:1"))
        #expect(server.expect(alice.bind(0x4000, to: "8.8.4.4:1")) == ["channel 508 sha1"])
        #expect(server.statistics.channels == 0)
        #expect(server.expect(alice.bind(0x4000, to: "8.8.8.8:2")) == ["channel ok sha1"])
    }

    @Test func interleavedClientsAndChannelsAreNotMixedUp() {
        let bob = server.allocatedClient("192.0.2.2:1", "bob")
        for (client, octet) in [(alice, 1), (bob, 2)] {
            for number in 0..<3 {
                _ = server.expect(
                    client.bind(0x4000 + UInt16(number), to: "8.8.\(octet).\(number):9")
                )
            }
        }
        for round in 0..<9 {
            let number = round % 3
            #expect(
                server.expect(alice.channelData(0x4000 + UInt16(number), "a"))
                    == ["50000 → 8.8.1.\(number):9: a"]
            )
            #expect(
                server.expect(bob.channelData(0x4000 + UInt16(number), "b"))
                    == ["50001 → 8.8.2.\(number):9: b"]
            )
            #expect(
                server.expect(.peer("8.8.1.\(number):9", 50_000, "c"))
                    == ["channel 400\(number) → 192.0.2.1:1000/0: c"]
            )
            #expect(server.expect(.peer("8.8.1.\(number):9", 50_001, "c")) == ["drop noPermission"])
        }
    }
}
