import Exchange
import Glibc
import IOURing
import STUN
import TURN
import Testing

@testable import RelayLoop

/// Allocations with two relayed addresses (RFC 8656 7.2, ADDITIONAL-ADDRESS-FAMILY) on a real relay thread.
@Suite(.serialized) struct DualAllocationTests {
    private static let both: (AttributeType, LoopbackClient.AttributeValue) =
        (.additionalAddressFamily, .uint32(2 << 24))

    private func relay(
        allocations: Int = 1000,
        ports: ClosedRange<UInt16> = 49_152...65_535
    ) throws -> LoopbackRelay {
        try LoopbackRelay(allocations: allocations) {
            $0.server.relayIPv6 = TransportAddress(SocketAddress.loopback(.ipv6)).ip
            $0.server.deny = []
            // The peer is where the relay is.
            $0.server.allow += [AddressPrefix("::1/128")].compactMap(\.self)
            $0.server.ports = ports
        }
    }

    @Test func peersOfBothFamiliesAreReachedThroughOneAllocation() throws {
        let relay = try relay()
        let client = try LoopbackClient(relay)
        let answer = try client.allocate([Self.both])
        let relayed = try #require(answer.relayed)
        let additional = try #require(answer.additional)
        #expect(relayed.family == .ipv4 && additional.family == .ipv6)
        let peer = try FarSocket(relay.peerHost)
        let other = try FarSocket(.loopback(.ipv6))
        try client.bind(0x4000, to: peer.address)
        try client.bind(0x4001, to: other.address)
        for round in UInt8(0)..<5 {
            try client.send([4, round], channel: 0x4000)
            try client.send([6, round], channel: 0x4001)
            #expect(peer.receive() == [4, round])
            #expect(other.receive() == [6, round])
            try peer.send([40, round], to: relayed)
            #expect(client.socket.receive() == LoopbackClient.channelData([40, round]))
            try other.send([60, round], to: additional)
            let expected = LoopbackClient.channelData([60, round], channel: 0x4001)
            #expect(client.socket.receive() == expected)
        }
        #expect(relay.value(.relaysOpened) == 2)
        #expect(relay.wait { relay.value(.allocations) == 1 })
    }

    @Test func oneFamilyIsClosedAloneAndTheQuotaIsChargedOnce() throws {
        let relay = try relay(allocations: 2)
        let client = try LoopbackClient(relay)
        let answer = try client.allocate([Self.both])
        let additional = try #require(answer.additional)
        let second = try LoopbackClient(relay)
        #expect(try second.allocate([Self.both]).additional != nil)
        #expect(try LoopbackClient(relay).allocate().error != nil)

        let family = (
            AttributeType.requestedAddressFamily, LoopbackClient.AttributeValue.uint32(2 << 24)
        )
        let ended = try client.ask(.refresh, [family, (.lifetime, .uint32(0))])
        #expect(ended.messageClass == .success)
        #expect(relay.wait { relay.value(.relaysClosed) == 1 })
        #expect(relay.wait { relay.isFree(additional) })
        // The place in the quota goes with the last one.
        #expect(try LoopbackClient(relay).allocate().error != nil)
        #expect(try client.refreshToNothing().messageClass == .success)
        #expect(relay.wait { relay.value(.relaysClosed) == 2 && relay.value(.allocations) == 1 })
        #expect(try LoopbackClient(relay).allocate().relayed != nil)
    }

    @Test func oneFamilyWithoutAFreePortLeavesTheOther() throws {
        // Nobody else on ::1 comes near them: neither other relays nor the ports of clients.
        let ports = UInt16(10_000 + getpid() % 10_000 * 2)
        let relay = try relay(ports: ports...ports + 1)
        let first = try LoopbackClient(relay)
        let other = try LoopbackClient(relay)
        let family = (
            AttributeType.requestedAddressFamily, LoopbackClient.AttributeValue.uint32(2 << 24)
        )
        for client in [first, other] {
            #expect(try client.allocate([family]).relayed?.family == .ipv6)
        }
        let client = try LoopbackClient(relay)
        let answer = try client.allocate([Self.both])
        #expect(answer.relayed?.family == .ipv4)
        #expect(answer.additional == nil)
        let noPort: UInt32 = 2 << 24 | 508
        #expect(answer.addressError == noPort)
        // Both gone: an error.
        let last = try LoopbackClient(relay)
        #expect(try last.allocate().relayed?.family == .ipv4)
        #expect(try LoopbackClient(relay).allocate([Self.both]).error == 508)
    }
}
