import STUN
import Testing

@testable import TURN

@Suite("RFC 8656 7.2: receiving an Allocate request")
struct RFC8656_7_2_AllocateTests {
    private let server = TestServer()
    private let success =
        "allocate ok relayed=50.0.0.1:50000 lifetime=600 mapped=192.0.2.1:1000 sha1"

    @Test func givesARelayedAddress() throws {
        let alice = server.client()
        #expect(server.expect(alice.allocate()) == [success])
        let request = try #require(server.relayRequest)
        #expect(request.family == .ipv4)
        #expect(request.kind == .any)
        #expect(request.ports == 49152...65535)
        #expect(request.ports.contains(request.firstPort))
        #expect(request.userTag != 0)
        #expect(server.statistics.allocations == 1)
        #expect(server.statistics.allocationsCreated == 1)
    }

    @Test func portsToTryFirstAreRandomWithinTheRange() {
        let server = TestServer { $0.ports = 1024...1100 }
        var ports = Set<UInt16>()
        for number in 0..<50 {
            let alice = server.client("192.0.2.1:\(1000 + number)")
            _ = server.expect(alice.allocate())
            ports.insert(server.relayRequest?.firstPort ?? 0)
        }
        #expect(ports.count > 20)
        #expect(ports.allSatisfy { (1024...1100).contains($0) })
    }

    @Test func sameUserHasTheSameTagAndOthersHaveOthers() {
        var tags: [UInt64] = []
        for (address, user) in [
            ("192.0.2.1:1", "alice"), ("192.0.2.2:1", "alice"), ("192.0.2.3:1", "bob"),
        ] {
            _ = server.allocatedClient(address, user)
            tags.append(server.relayRequest?.userTag ?? 0)
        }
        #expect(tags[0] == tags[1])
        #expect(tags[0] != tags[2])
    }

    // 2.

    @Test func refusesASecondAllocationOfTheFiveTuple() {
        let alice = server.allocatedClient()
        #expect(server.expect(alice.allocate()) == ["allocate 437 sha1"])
        // Before the attributes are looked at, whatever they are.
        #expect(server.expect(alice.request(.allocate)) == ["allocate 437 sha1"])
        let bob = server.client("192.0.2.1:1000", "bob")
        #expect(server.expect(bob.allocate()) == ["allocate 437 sha1"])
        alice.listener = 1
        #expect(server.expect(alice.allocate())[0].hasPrefix("allocate ok relayed=50.0.0.1:50001"))
    }

    @Test func answersRetransmissionsAlike() {
        let alice = server.client()
        _ = server.expect(alice.allocate())
        let again = alice.request(.allocate, .transport(17), retransmission: true)
        #expect(server.expect(again, at: 0.5) == [success])
        let last = "allocate ok relayed=50.0.0.1:50000 lifetime=593 mapped=192.0.2.1:1000 sha1"
        #expect(server.expect(again, at: 7.5) == [last])
        #expect(server.statistics.allocations == 1)
        #expect(server.statistics.retransmissions == 2)
    }

    @Test func retransmissionsRepeatTokenAndAddressError() {
        let alice = server.client()
        let first = server.expect(alice.allocate(.evenPort(reserve: true)))
        let token = server.relayRequest?.reservationToken
        let again = alice.request(
            .allocate,
            .transport(17),
            .evenPort(reserve: true),
            retransmission: true
        )
        #expect(server.expect(again) == first)
        #expect(server.relayRequest?.reservationToken == token)
        let bob = server.client("192.0.2.2:1000", "bob")
        let second = server.expect(bob.allocate(.additionalFamily(2)))
        let retry = bob.request(
            .allocate,
            .transport(17),
            .additionalFamily(2),
            retransmission: true
        )
        #expect(server.expect(retry) == second)
    }

    @Test func aRefusedRequestMayBeRetransmitted() {
        let alice = server.client()
        server.outcome = .unavailable
        #expect(server.expect(alice.allocate()) == ["allocate 508 sha1"])
        let again = alice.request(.allocate, .transport(17), retransmission: true)
        #expect(server.expect(again) == [success])
    }

    // 3.

    @Test func wantsATransport() {
        let alice = server.client()
        #expect(server.expect(alice.request(.allocate)) == ["allocate 400 sha1"])
        for attribute in [
            TestAttribute.uint8(.requestedTransport, 17), .empty(.requestedTransport),
        ] {
            #expect(server.expect(alice.request(.allocate, attribute)) == ["allocate 400 sha1"])
        }
        for number in [0, 1, 6, 255] as [UInt8] {
            let request = alice.request(.allocate, .transport(number))
            #expect(server.expect(request) == ["allocate 442 sha1"])
        }
        // The transport is looked at before what follows.
        let request = alice.request(.allocate, .transport(6), .family(9), .token(1))
        #expect(server.expect(request) == ["allocate 442 sha1"])
    }

    /// RFC 8656 18.8: RFFU.
    @Test func whatFollowsTheProtocolIsIgnored() {
        let alice = server.client()
        let request = alice.request(.allocate, .uint32(.requestedTransport, 0x11FF_FFFF))
        #expect(server.expect(request) == [success])
    }

    @Test func firstOfTwoAttributesCounts() {
        let alice = server.client()
        let request = alice.request(.allocate, .transport(17), .transport(6))
        #expect(server.expect(request) == [success])
    }

    // 4.

    @Test func acceptsDontFragment() {
        let alice = server.client()
        #expect(server.expect(alice.allocate(.empty(.dontFragment))) == [success])
    }

    // 5. and 6.

    @Test func evenPortsWithoutAndWithReservation() {
        server.nextPort = 50_001
        let alice = server.client()
        #expect(
            server.expect(alice.allocate(.evenPort(reserve: false)))
                == ["allocate ok relayed=50.0.0.1:50002 lifetime=600 mapped=192.0.2.1:1000 sha1"]
        )
        #expect(server.relayRequest?.kind == .even(reserveNext: false))
        #expect(server.relayRequest?.reservationToken == 0)
        let bob = server.client("192.0.2.2:1000", "bob")
        #expect(
            server.expect(bob.allocate(.evenPort(reserve: true))) == [
                "allocate ok relayed=50.0.0.1:50004 lifetime=600 token mapped=192.0.2.2:1000 sha1"
            ]
        )
        #expect(server.relayRequest?.kind == .even(reserveNext: true))
        #expect(server.relayRequest?.reservationToken ?? 0 > 1)
        #expect(server.relayRequest?.reservationSeconds == 30)
    }

    @Test func tokensAskForTheReservedPort() {
        let alice = server.client()
        #expect(server.expect(alice.allocate(.token(0xABCC))) == [success])
        #expect(server.relayRequest?.kind == .reserved(token: 0xABCC))
        #expect(server.relayRequest?.family == .ipv4)
        server.outcome = .unavailable
        let bob = server.client("192.0.2.2:1000", "bob")
        #expect(server.expect(bob.allocate(.token(6))) == ["allocate 508 sha1"])
    }

    @Test func tokensRememberTheFamily() {
        let alice = server.client()
        for (family, expected) in [(1, AddressFamily.ipv4), (2, .ipv6)] as [(UInt8, AddressFamily)]
        {
            alice.listener += 1
            _ = server.expect(alice.allocate(.family(family), .evenPort(reserve: true)))
            let token = server.relayRequest?.reservationToken ?? 0
            alice.listener += 1
            _ = server.expect(alice.allocate(.token(token)))
            #expect(server.relayRequest?.family == expected)
        }
    }

    @Test func tokensExcludeOtherWishes() {
        let alice = server.client()
        for attribute in [
            TestAttribute.evenPort(reserve: false), .evenPort(reserve: true), .family(1),
            .family(2),
            .additionalFamily(2),
        ] {
            #expect(server.expect(alice.allocate(.token(2), attribute)) == ["allocate 400 sha1"])
        }
    }

    @Test func malformedWishesAreRefused() {
        let alice = server.client()
        for attribute in [
            TestAttribute.uint32(.evenPort, 0), .empty(.evenPort), .uint32(.reservationToken, 1),
            .uint8(.requestedAddressFamily, 1), .uint8(.additionalAddressFamily, 2),
            .uint16(.lifetime, 600),
        ] {
            #expect(server.expect(alice.allocate(attribute)) == ["allocate 400 sha1"])
        }
    }

    // 9. and 10.

    @Test func saysWhatTheLoopSays() {
        let alice = server.client()
        server.outcome = .quotaReached
        #expect(server.expect(alice.allocate()) == ["allocate 486 sha1"])
        server.outcome = .unavailable
        #expect(server.expect(alice.allocate()) == ["allocate 508 sha1"])
        #expect(server.statistics.errors(.allocationQuotaReached) == 1)
        #expect(server.statistics.errors(.insufficientCapacity) == 1)
        #expect(server.statistics.allocations == 0)
        #expect(server.expect(alice.allocate()) == [success])
    }

    @Test func refusesMoreThanTheThreadHolds() {
        let server = TestServer { $0.allocationCapacity = 2 }
        let clients = (0..<3).map { server.client("192.0.2.\($0):1000") }
        #expect(server.expect(clients[0].allocate())[0].hasPrefix("allocate ok"))
        #expect(server.expect(clients[1].allocate())[0].hasPrefix("allocate ok"))
        #expect(server.expect(clients[2].allocate()) == ["allocate 508 sha1"])
        _ = server.expect(clients[0].request(.refresh, .lifetime(0)))
        #expect(server.expect(clients[2].allocate())[0].hasPrefix("allocate ok"))
    }

    // Lifetime.

    @Test(
        arguments: [
            (nil, 600), (0, 600), (1, 600), (599, 600), (600, 600), (601, 601), (3600, 3600),
            (3601, 3600), (UInt32.max, 3600),
        ] as [(UInt32?, UInt32)]
    )
    func lifetimesAreBetweenDefaultAndMaximum(_ requested: UInt32?, _ granted: UInt32) {
        let alice = server.client()
        let request = requested.map { alice.allocate(.lifetime($0)) } ?? alice.allocate()
        #expect(
            server.expect(request) == [
                "allocate ok relayed=50.0.0.1:50000 lifetime=\(granted) mapped=192.0.2.1:1000 sha1"
            ]
        )
        #expect(server.nextDeadline == Double(granted))
    }
}
