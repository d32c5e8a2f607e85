import Exchange
import Glibc
import IOURing
import STUN
import TURN
import Testing

@testable import RelayLoop

/// Several relay addresses of a family, each with ports of its own, on a real relay thread.
@Suite(.serialized) struct SeveralAddressesTests {
    /// A relay that listens and relays on two addresses, and its second one.
    private func relay(
        ports: ClosedRange<UInt16>,
        external: String? = nil
    ) throws -> (LoopbackRelay, second: SocketAddress) {
        var second = SocketAddress(ipv4: 0, port: 0)
        let relay = try LoopbackRelay.withTCP {
            let first = $0.listeners[0]
            let host = UInt32(truncatingIfNeeded: first.ip.low & ~255) | 201
            let other = TransportAddress(ip: IPAddress(ipv4: host), port: first.port)
            second = SocketAddress(other)
            $0.listeners.append(other)
            $0.streamListeners.append(other)
            $0.server.ports = ports
            let told = external.flatMap { IPAddress($0) }
            $0.server.moreRelays = [RelayAddress(other.ip, external: told)]
        }
        return (relay, second)
    }

    @Test func eachHasAllPortsAndTheFullLeaveTheRestToTheOther() throws {
        let (relay, second) = try relay(ports: 50_000...50_000)
        let clients = try (0..<3).map { _ in try LoopbackClient(at: second) }
        // The one that was reached, then the other, then none.
        #expect(try clients[0].allocate().relayed == second.with(port: 50_000))
        #expect(try clients[1].allocate().relayed == relay.address.with(port: 50_000))
        #expect(try clients[2].allocate().error == 508)
    }

    @Test func relaysReachEachOtherAcrossAddressesAndNothingElseThere() throws {
        let (relay, second) = try relay(ports: 50_000...50_100)
        let one = try LoopbackClient(relay)
        let other = try LoopbackClient(at: second)
        let near = try #require(try one.allocate().relayed)
        let far = try #require(try other.allocate().relayed)
        #expect(near.with(port: 0) == relay.address.with(port: 0))
        #expect(far.with(port: 0) == second.with(port: 0))
        try one.bind(0x4000, to: far)
        try other.bind(0x4000, to: near)
        try one.send([1, 2, 3, 4], channel: 0x4000)
        #expect(other.socket.receive() == LoopbackClient.channelData([1, 2, 3, 4]))
        // The same port of the first address is nobody's, though the second has it; and so is one beside it.
        let wrong = relay.address.with(port: far.port)
        if wrong != near {
            try one.bind(0x4001, to: wrong)
            try one.send([5], channel: 0x4001)
            #expect(relay.wait { relay.value(.dropsNotLiveRelayedPort) == 1 })
        }
    }

    @Test func theExternalAddressOfEachIsTold() throws {
        let (relay, second) = try relay(ports: 50_000...50_100, external: "192.0.2.77")
        let peer = try FarSocket(relay.peerHost)
        let client = try LoopbackClient(at: second)
        let told = try client.connect(to: peer.address)
        #expect(told.with(port: 0) == SocketAddress(ipv4: 0xC000_024D, port: 0))
        try client.send([9, 9, 9, 9], channel: 0x4000)
        #expect(peer.receive() == [9, 9, 9, 9])
        try peer.send([8, 8, 8, 8], to: second.with(port: told.port))
        #expect(client.socket.receive() == LoopbackClient.channelData([8, 8, 8, 8]))
    }

    @Test func aReservedPortIsAtTheAddressOfItsPair() throws {
        let (relay, second) = try relay(ports: 50_000...50_001)
        let client = try LoopbackClient(at: second)
        let answer = try client.allocate([(.evenPort, .uint8(0x80))])
        #expect(answer.relayed == second.with(port: 50_000))
        let token = try #require(answer.token)
        let other = try LoopbackClient(at: second)
        let claimed = try other.allocate([(.reservationToken, .uint64(token))])
        #expect(claimed.relayed == second.with(port: 50_001))
        #expect(relay.wait { relay.value(.relaysOpened) == 2 })
    }

    @Test func connectionsLeaveFromTheAddressOfTheirAllocation() throws {
        let (relay, second) = try relay(ports: 50_000...50_100)
        let listener = try FarListener(relay.peerHost)
        let control = LoopbackClient(over: try FarStream(to: second), relay)
        let relayed = try control.allocateTCP(permitting: relay.peerHost)
        #expect(relayed.with(port: 0) == second.with(port: 0))
        _ = try control.connectTCP(to: listener.address)
        #expect(try listener.accept().address == relayed)
    }
}
