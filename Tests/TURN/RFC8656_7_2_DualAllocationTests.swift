import STUN
import Testing

@testable import TURN

@Suite("RFC 8656 7.2 and 8: an allocation with two relayed addresses")
struct RFC8656_7_2_DualAllocationTests {
    private let server = TestServer()

    private static let both =
        "allocate ok relayed=50.0.0.1:50000 relayed=[2a00:50::1]:50001 lifetime=600 "
        + "mapped=192.0.2.1:1000 sha1"

    /// A client with relayed ports 50000 (IPv4) and 50001 (IPv6).
    private func dualClient(_ address: String = "192.0.2.1:1000") -> TestClient {
        let client = server.client(address)
        let answer = server.expect(client.allocate(.additionalFamily(2)))
        precondition(answer.count == 1 && answer[0].contains("relayed=[2a00:50::1]"))
        return client
    }

    // Allocate.

    @Test func anAdditionalFamilyGetsARelayedAddressOfItsOwn() {
        let alice = server.client()
        #expect(server.expect(alice.allocate(.additionalFamily(2))) == [Self.both])
        #expect(server.relayRequest?.family == .ipv4)
        #expect(server.relayRequest?.additionalFamily == .ipv6)
        #expect(server.statistics.allocations == 1)
        #expect(server.statistics.allocationsCreated == 1)
    }

    @Test func coturnsNumberCountsWhereItIsTaken() {
        let request = TestAttribute.bytes(AttributeType(rawValue: 0x8032), [2, 0, 0, 0])
        let server = TestServer { $0.takesCoturnNumber = true }
        #expect(server.expect(server.client().allocate(request)) == [Self.both])
        // Elsewhere it is an attribute that nobody has to know.
        let other = TestServer()
        #expect(other.expect(other.client().allocate(request)).count == 1)
        #expect(other.relayRequest?.additionalFamily == nil)
    }

    @Test func aRetransmissionGetsTheSameAnswer() {
        let alice = server.client()
        let request = alice.allocate(.additionalFamily(2))
        #expect(server.expect(request) == [Self.both])
        #expect(server.expect(request) == [Self.both])
        #expect(server.statistics.retransmissions == 1)
        #expect(server.relays.count == 2)
        let other = server.client("192.0.2.1:1001")
        server.outcome = .openedAdditional(server.openRelay())
        let partial = other.allocate(.additionalFamily(2))
        #expect(server.expect(partial) == server.expect(partial))
    }

    @Test func oneFamilyThatIsNotRelayedIsNamed() {
        let onlyIPv4 = TestServer { $0.relayIPv6 = nil }
        #expect(
            onlyIPv4.expect(onlyIPv4.client().allocate(.additionalFamily(2))) == [
                "allocate ok relayed=50.0.0.1:50000 lifetime=600 mapped=192.0.2.1:1000 "
                    + "addressError=2000428 sha1"
            ]
        )
        #expect(onlyIPv4.relayRequest?.additionalFamily == nil)
        let onlyIPv6 = TestServer { $0.relayIPv4 = nil }
        #expect(
            onlyIPv6.expect(onlyIPv6.client().allocate(.additionalFamily(2))) == [
                "allocate ok relayed=[2a00:50::1]:50000 lifetime=600 mapped=192.0.2.1:1000 "
                    + "addressError=1000428 sha1"
            ]
        )
        let neither = TestServer {
            $0.relayIPv4 = nil
            $0.relayIPv6 = nil
        }
        #expect(
            neither.expect(neither.client().allocate(.additionalFamily(2)))
                == ["allocate 440 sha1"]
        )
    }

    @Test func oneFamilyWithoutAFreePortIsNamed() {
        let alice = server.client()
        let ipv4 = server.openRelay()
        server.outcome = .opened(relay: ipv4.index, port: ipv4.port)
        #expect(
            server.expect(alice.allocate(.additionalFamily(2))) == [
                "allocate ok relayed=50.0.0.1:50000 lifetime=600 mapped=192.0.2.1:1000 "
                    + "addressError=2000508 sha1"
            ]
        )
        let bob = server.client("192.0.2.1:1001", "bob")
        server.outcome = .openedAdditional(server.openRelay())
        #expect(
            server.expect(bob.allocate(.additionalFamily(2))) == [
                "allocate ok relayed=[2a00:50::1]:50001 lifetime=600 mapped=192.0.2.1:1001 "
                    + "addressError=1000508 sha1"
            ]
        )
        // The one that failed is no family of the allocation.
        #expect(server.expect(bob.permit("8.8.8.8:0")) == ["permission 443 sha1"])
        #expect(server.expect(bob.permit("[2600::1]:0")) == ["permission ok sha1"])
    }

    @Test func bothFailingIsAnError() {
        let alice = server.client()
        server.outcome = .unavailable
        #expect(server.expect(alice.allocate(.additionalFamily(2))) == ["allocate 508 sha1"])
        server.outcome = .quotaReached
        #expect(server.expect(alice.allocate(.additionalFamily(2))) == ["allocate 486 sha1"])
        #expect(server.statistics.allocations == 0)
    }

    @Test func evenPortsAreEvenInBothFamilies() {
        let alice = server.client()
        #expect(
            server.expect(alice.allocate(.evenPort(reserve: false), .additionalFamily(2))) == [
                "allocate ok relayed=50.0.0.1:50000 relayed=[2a00:50::1]:50002 lifetime=600 "
                    + "mapped=192.0.2.1:1000 sha1"
            ]
        )
    }

    // Data.

    @Test func peersOfBothFamiliesArePermittedAndReachedFromTheirOwnRelay() {
        let alice = dualClient()
        #expect(
            server.expect(alice.permit("8.8.8.8:0", "[2600::1]:0")) == ["permission ok sha1"]
        )
        #expect(
            server.expect(alice.send("four", to: "8.8.8.8:53")) == ["50000 → 8.8.8.8:53: four"]
        )
        #expect(
            server.expect(alice.send("six", to: "[2600::1]:53")) == ["50001 → [2600::1]:53: six"]
        )
        #expect(
            server.expect(.peer("8.8.8.8:53", 50_000, "a"))
                == ["data from 8.8.8.8:53 → 192.0.2.1:1000/0: a"]
        )
        #expect(
            server.expect(.peer("[2600::1]:53", 50_001, "b"))
                == ["data from [2600::1]:53 → 192.0.2.1:1000/0: b"]
        )
    }

    @Test func channelsLeadToBothFamilies() {
        let alice = dualClient()
        #expect(server.expect(alice.bind(0x4000, to: "8.8.8.8:53")) == ["channel ok sha1"])
        #expect(server.expect(alice.bind(0x4001, to: "[2600::1]:53")) == ["channel ok sha1"])
        #expect(server.expect(alice.channelData(0x4000, "x")) == ["50000 → 8.8.8.8:53: x"])
        #expect(server.expect(alice.channelData(0x4001, "y")) == ["50001 → [2600::1]:53: y"])
        #expect(
            server.expect(.peer("[2600::1]:53", 50_001, "z"))
                == ["channel 4001 → 192.0.2.1:1000/0: z"]
        )
    }

    @Test func anIPv4MappedPeerIsOfNeitherFamily() {
        let alice = dualClient()
        #expect(server.expect(alice.permit("[::ffff:8.8.8.8]:0")) == ["permission 443 sha1"])
    }

    // Refresh and the end (8.1: with a family it is about that one, without it is about both).

    @Test func aRefreshWithoutAFamilyIsAboutBoth() {
        let alice = dualClient()
        #expect(
            server.expect(alice.request(.refresh, .lifetime(1000)), at: 1)
                == ["refresh ok lifetime=1000 sha1"]
        )
        #expect(server.expect(.time, at: 1000) == [])
        #expect(server.expect(.time, at: 1001) == ["close 50000", "close 50001"])
        #expect(server.statistics.allocationsExpired == 1)
    }

    @Test func aRefreshWithAFamilyIsAboutThatOneAlone() {
        let alice = dualClient()
        _ = server.expect(alice.permit("8.8.8.8:0", "[2600::1]:0"), at: 590)
        #expect(
            server.expect(alice.request(.refresh, .family(2)), at: 100)
                == ["refresh ok lifetime=600 sha1"]
        )
        #expect(server.nextDeadline == 600)
        // The IPv4 address has ended, also before the loop looks.
        #expect(server.expect(alice.send("x", to: "8.8.8.8:53"), at: 600) == ["drop noAllocation"])
        #expect(server.expect(.peer("8.8.8.8:53", 50_000, "x"), at: 600) == ["drop noAllocation"])
        #expect(server.expect(.time, at: 600) == ["close 50000"])
        #expect(
            server.expect(alice.send("x", to: "[2600::1]:53"), at: 600)
                == ["50001 → [2600::1]:53: x"]
        )
        #expect(server.statistics.allocations == 1)
        #expect(server.statistics.permissions == 1)
        #expect(server.expect(alice.permit("8.8.8.8:0"), at: 600) == ["permission 443 sha1"])
        #expect(
            server.expect(alice.request(.refresh, .family(1)), at: 600) == ["refresh 443 sha1"]
        )
        #expect(server.expect(.time, at: 700) == ["close 50001"])
        #expect(server.statistics.allocations == 0)
    }

    @Test(arguments: [1, 2] as [UInt8])
    func deletingOneFamilyLeavesTheOtherAlone(_ family: UInt8) {
        let alice = dualClient()
        _ = server.expect(alice.bind(0x4000, to: "8.8.8.8:53"))
        _ = server.expect(alice.bind(0x4001, to: "[2600::1]:53"))
        let port = 50_000 + UInt16(family) - 1
        #expect(
            server.expect(alice.request(.refresh, .family(family), .lifetime(0)))
                == ["refresh ok lifetime=0 sha1", "close \(port)"]
        )
        #expect(server.statistics.allocations == 1)
        #expect(server.statistics.permissions == 1)
        #expect(server.statistics.channels == 1)
        #expect(server.statistics.allocationsDeleted == 0)
        let left: UInt16 = family == 1 ? 0x4001 : 0x4000
        #expect(server.expect(alice.channelData(left, "x"))[0].hasSuffix(": x"))
        #expect(
            server.expect(alice.channelData(0x8001 - left, "x")) == ["drop unboundChannel"]
        )
        #expect(
            server.expect(alice.request(.refresh, .family(family), .lifetime(0)))
                == ["refresh 443 sha1"]
        )
        #expect(
            server.expect(alice.request(.refresh, .lifetime(0)))
                == ["refresh ok lifetime=0 sha1", "close \(100_001 - Int(port))"]
        )
        #expect(server.statistics.allocations == 0)
        #expect(server.statistics.permissions + server.statistics.channels == 0)
    }

    @Test func deletingBothClosesBothAtOnce() {
        let alice = dualClient()
        #expect(
            server.expect(alice.request(.refresh, .lifetime(0)))
                == ["refresh ok lifetime=0 sha1", "close 50000", "close 50001"]
        )
        #expect(server.nextDeadline == nil)
        #expect(server.expect(alice.allocate())[0].hasPrefix("allocate ok"))
    }

    /// Symptom: a user's place in the quota given back twice, so that he could hold any number.
    @Test func theQuotaIsGivenBackOnceWithTheLastRelay() {
        var table = AllocationTable(configuration: ServerConfiguration(), hash: KeyedHash(1, 2))
        var allocation = Allocation(
            fiveTuple: TestClient(address("192.0.2.1:1"), username: nil, password: "").fiveTuple,
            transactionID: TransactionID(high: 0, low: 0),
            reservationToken: 0,
            addressError: 0
        )
        let end = Instant(nanoseconds: 9)
        allocation.ipv4 = Relay(index: RelayIndex(rawValue: 1), port: 1, expiry: end)
        allocation.ipv6 = Relay(index: RelayIndex(rawValue: 2), port: 2, expiry: end)
        let slot = table.insert(allocation)
        table.closeRelay(of: slot, .ipv6)
        table.closeRelay(of: slot, .ipv6)
        table.remove(slot)
        #expect(
            table.commands.next()
                == .close(relay: RelayIndex(rawValue: 2), userTag: 0, isLast: false, client: .none)
        )
        #expect(
            table.commands.next()
                == .close(relay: RelayIndex(rawValue: 1), userTag: 0, isLast: true, client: .none)
        )
        #expect(table.commands.next() == nil)
    }

    @Test func anAdministratorSeesBothPortsAndEndsBoth() throws {
        _ = dualClient()
        let summary = try #require(server.allocation(at: 0))
        #expect(summary.family == .ipv4 && summary.relayPort == 50_000)
        #expect(summary.additionalRelayPort == 50_001)
        _ = server.allocatedClient("192.0.2.1:1001", family: 2)
        let other = try #require(server.allocation(at: 1))
        #expect(other.family == .ipv6 && other.relayPort == 50_002)
        #expect(other.additionalRelayPort == 0)
    }
}
