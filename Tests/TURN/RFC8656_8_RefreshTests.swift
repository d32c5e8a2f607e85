import STUN
import Testing

@testable import TURN

@Suite("RFC 8656 8: refreshing an allocation, and its end")
struct RFC8656_8_RefreshTests {
    private let server = TestServer()

    @Test(
        arguments: [
            (nil, 600), (1, 600), (600, 600), (1000, 1000), (3600, 3600), (UInt32.max, 3600),
        ] as [(UInt32?, UInt32)]
    )
    func grantsLifetimesLikeAllocate(_ requested: UInt32?, _ granted: UInt32) {
        let alice = server.allocatedClient()
        let request = requested.map { alice.request(.refresh, .lifetime($0)) }
        let answer = server.expect(request ?? alice.request(.refresh), at: 100)
        #expect(answer == ["refresh ok lifetime=\(granted) sha1"])
        _ = server.expect(.time, at: 99 + Double(granted))
        #expect(server.statistics.allocations == 1)
        #expect(server.expect(.time, at: 100 + Double(granted)) == ["close 50000"])
        #expect(server.statistics.allocations == 0)
    }

    @Test func shorterLifetimesCountToo() {
        let alice = server.client()
        _ = server.expect(alice.allocate(.lifetime(3600)))
        #expect(server.expect(alice.request(.refresh), at: 1) == ["refresh ok lifetime=600 sha1"])
        #expect(server.nextDeadline == 601)
        #expect(server.expect(.time, at: 601) == ["close 50000"])
    }

    @Test func needsAnAllocationOfTheUser() {
        let alice = server.client()
        #expect(server.expect(alice.request(.refresh)) == ["refresh 437 sha1"])
        #expect(server.expect(alice.request(.refresh, .lifetime(0))) == ["refresh 437 sha1"])
        _ = server.expect(alice.allocate())
        let bob = server.client("192.0.2.1:1000", "bob")
        for lifetime in [0, 600] as [UInt32] {
            let request = bob.request(.refresh, .lifetime(lifetime))
            #expect(server.expect(request) == ["refresh 441 sha1"])
        }
        #expect(server.statistics.allocations == 1)
    }

    @Test func lifetimeZeroDeletesAtOnce() {
        let alice = server.allocatedClient()
        _ = server.expect(alice.bind(0x4000, to: "8.8.8.8:53"))
        _ = server.expect(alice.channelData(0x4000, "remembered"))
        #expect(
            server.expect(alice.request(.refresh, .lifetime(0)))
                == ["refresh ok lifetime=0 sha1", "close 50000"]
        )
        #expect(server.statistics.allocations == 0)
        #expect(server.statistics.permissions == 0)
        #expect(server.statistics.channels == 0)
        #expect(server.statistics.allocationsDeleted == 1)
        #expect(server.nextDeadline == nil)
        #expect(server.expect(alice.channelData(0x4000, "x")) == ["drop noAllocation"])
        #expect(server.expect(alice.request(.refresh, .lifetime(0))) == ["refresh 437 sha1"])
        #expect(server.expect(alice.allocate())[0].hasPrefix("allocate ok relayed=50.0.0.1:50001"))
        // What was bound before is not bound now.
        #expect(server.expect(alice.channelData(0x4000, "x")) == ["drop unboundChannel"])
        #expect(server.expect(alice.send("x", to: "8.8.8.8:53")) == ["drop noPermission"])
    }

    @Test func theFamilyMustMatch() {
        let alice = server.allocatedClient()
        #expect(server.expect(alice.request(.refresh, .family(2))) == ["refresh 443 sha1"])
        #expect(
            server.expect(alice.request(.refresh, .family(2), .lifetime(0)))
                == ["refresh 443 sha1"]
        )
        #expect(
            server.expect(alice.request(.refresh, .family(1))) == ["refresh ok lifetime=600 sha1"]
        )
        let malformed = alice.request(.refresh, .uint8(.requestedAddressFamily, 1))
        #expect(server.expect(malformed) == ["refresh 400 sha1"])
        let noLifetime = alice.request(.refresh, .uint8(.lifetime, 0))
        #expect(server.expect(noLifetime) == ["refresh 400 sha1"])
    }

    @Test func anEndedAllocationIsGoneBeforeTheLoopLooks() {
        let alice = server.allocatedClient()
        _ = server.expect(alice.bind(0x4000, to: "8.8.8.8:53"), at: 590)
        #expect(
            server.expect(alice.channelData(0x4000, "a"), at: 599.9) == ["50000 → 8.8.8.8:53: a"]
        )
        #expect(server.expect(alice.channelData(0x4000, "a"), at: 600) == ["drop noAllocation"])
        #expect(server.expect(.peer("8.8.8.8:53", 50_000, "b"), at: 600) == ["drop noAllocation"])
        #expect(
            server.expect(alice.request(.refresh), at: 600) == ["refresh 437 sha1", "close 50000"]
        )
        #expect(server.statistics.allocationsExpired == 1)
    }

    @Test func aNewAllocationReplacesAnEndedOne() {
        let alice = server.allocatedClient()
        #expect(
            server.expect(alice.allocate(), at: 600) == [
                "allocate ok relayed=50.0.0.1:50001 lifetime=600 mapped=192.0.2.1:1000 sha1",
                "close 50000",
            ]
        )
        #expect(server.statistics.allocations == 1)
    }

    @Test func expiryIsBounded() {
        for number in 0..<10 { _ = server.allocatedClient("192.0.2.1:\(1000 + number)") }
        var closed = 0
        while server.statistics.allocations > 0 {
            closed += server.expect(.time, at: 600).count
        }
        #expect(closed == 10)
        #expect(server.statistics.allocationsExpired == 10)
    }
}
