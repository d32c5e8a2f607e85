import Exchange
import Glibc
import IOURing
import STUN
import TURN
import Testing

@testable import RelayLoop

/// Data through a real relay thread, both ways.
@Suite(.serialized) struct ForwardingTests {
    @Test func channelDataGoesBothWays() throws {
        let relay = try LoopbackRelay()
        let client = try LoopbackClient(relay)
        let peer = try FarSocket(relay.peerHost)
        let relayed = try client.connect(to: peer.address)
        for count in [0, 1, 3, 4, 1000, 1472] {
            let data = [UInt8](repeating: UInt8(truncatingIfNeeded: count), count: count)
            try client.send(data)
            #expect(peer.receive() == data)
            try peer.send(data, to: relayed)
            #expect(client.socket.receive() == LoopbackClient.channelData(data))
        }
        relay.stop()
        #expect(relay.value(.datagramsToPeers) == 6)
        #expect(relay.value(.datagramsFromPeers) == 6)
    }

    @Test func indicationsGoBothWays() throws {
        let relay = try LoopbackRelay()
        let client = try LoopbackClient(relay)
        let peer = try FarSocket(relay.peerHost)
        let relayed = try #require(try client.allocate().relayed)
        try client.permit(peer.address)
        for count in [0, 1, 2, 3, 4, 999] {
            let data = [UInt8](repeating: 5, count: count)
            try client.indicate(data, to: peer.address)
            #expect(peer.receive() == data)
            try peer.send(data, to: relayed)
            let received = try #require(client.socket.receive())
            let indicated = try #require(LoopbackClient.indicated(received))
            #expect(indicated.peer == peer.address)
            #expect(indicated.data == data)
        }
    }

    @Test func trainFromAPeerArrivesAsChannelDataInOrder() throws {
        let relay = try LoopbackRelay()
        let client = try LoopbackClient(relay)
        let peer = try FarSocket(relay.peerHost)
        let relayed = try client.connect(to: peer.address)
        let train = (0..<20).map { [UInt8](repeating: UInt8($0), count: $0 == 19 ? 333 : 1000) }
        for _ in 0..<5 {
            try peer.send(train.flatMap(\.self), to: relayed, segmentSize: 1000)
            for data in train {
                try #require(client.socket.receive() == LoopbackClient.channelData(data))
            }
        }
        relay.stop()
        #expect(relay.value(.coalescedReceives) == 5)
        #expect(relay.value(.segmentedSends) >= 5)
        #expect(relay.value(.datagramsToClients) == 102)
    }

    @Test func trainFromAPeerArrivesAsIndicationsInOrder() throws {
        let relay = try LoopbackRelay()
        let client = try LoopbackClient(relay)
        let peer = try FarSocket(relay.peerHost)
        let relayed = try #require(try client.allocate().relayed)
        try client.permit(peer.address)
        let train = (0..<20).map { [UInt8](repeating: UInt8($0), count: $0 == 19 ? 331 : 1001) }
        try peer.send(train.flatMap(\.self), to: relayed, segmentSize: 1001)
        for data in train {
            let received = try #require(client.socket.receive())
            #expect(LoopbackClient.indicated(received)?.data == data)
        }
    }

    @Test func trainFromAClientArrivesAsPlainDataInOrder() throws {
        let relay = try LoopbackRelay()
        let client = try LoopbackClient(relay)
        let peer = try FarSocket(relay.peerHost)
        _ = try client.connect(to: peer.address)
        let train = (0..<20).map { [UInt8](repeating: UInt8($0), count: $0 == 19 ? 333 : 1000) }
        let bytes = train.flatMap { LoopbackClient.channelData($0) }
        try client.socket.send(bytes, to: relay.address, segmentSize: 1004)
        for data in train { #expect(peer.receive() == data) }
        relay.stop()
        #expect(relay.value(.coalescedReceives) == 1)
        #expect(relay.value(.segmentedSends) == 1)
    }

    @Test func twoAllocationsReachEachOther() throws {
        let relay = try LoopbackRelay()
        let alice = try LoopbackClient(relay)
        let bob = try LoopbackClient(relay)
        let aliceRelayed = try #require(try alice.allocate().relayed)
        let bobRelayed = try #require(try bob.allocate().relayed)
        try alice.bind(0x4001, to: bobRelayed)
        try bob.bind(0x4002, to: aliceRelayed)
        try alice.send([1, 2, 3], channel: 0x4001)
        #expect(bob.socket.receive() == LoopbackClient.channelData([1, 2, 3], channel: 0x4002))
        try bob.send([4, 5], channel: 0x4002)
        #expect(alice.socket.receive() == LoopbackClient.channelData([4, 5], channel: 0x4001))
    }

    @Test func ownAddressIsReachedAtRelayedPortsOnly() throws {
        let relay = try LoopbackRelay()
        let client = try LoopbackClient(relay)
        _ = try client.connect(to: relay.address)
        // A Binding request to the server from its own relay: it must not arrive.
        try client.send(client.message(.binding, .request, TransactionID(high: 1, low: 1), []))
        #expect(relay.wait { relay.value(.dropsNotLiveRelayedPort) == 1 })
        #expect(relay.value(.datagramsToPeers) == 0)
    }

    @Test(arguments: [true, false])
    func everyOffloadSettingForwards(isOn: Bool) throws {
        let relay = try LoopbackRelay {
            $0.receiveOffload = isOn
            $0.segmentation = isOn
            $0.bufferSize = isOn ? 65_536 : 2048
            $0.batchWaitMicroseconds = 0
        }
        let client = try LoopbackClient(relay)
        let peer = try FarSocket(relay.peerHost)
        let relayed = try client.connect(to: peer.address)
        let train = (0..<20).map { [UInt8](repeating: UInt8($0), count: 1000) }
        try peer.send(train.flatMap(\.self), to: relayed, segmentSize: 1000)
        for data in train {
            #expect(client.socket.receive() == LoopbackClient.channelData(data))
        }
        relay.stop()
        #expect((relay.value(.coalescedReceives) > 0) == isOn)
        #expect((relay.value(.segmentedSends) > 0) == isOn)
    }

    @Test func allocationOnIPv6Forwards() throws {
        // Neither other relays nor clients have ports so low.
        let listener = SocketAddress.loopback(.ipv6, port: UInt16(10_000 + getpid() % 20_000))
        let relay = try LoopbackRelay {
            $0.listeners.append(TransportAddress(listener))
            $0.server.relayIPv6 = TransportAddress(listener).ip
            $0.server.deny = []
        }
        let client = try LoopbackClient(relay)
        let family = try client.allocate([(.requestedAddressFamily, .uint32(2 << 24))])
        let relayed = try #require(family.relayed)
        #expect(relayed.family == .ipv6)
        // Another allocation of this server is the only peer on our own address that is let through.
        let other = try LoopbackClient(relay)
        let otherRelayed = try #require(
            try other.allocate([(.requestedAddressFamily, .uint32(2 << 24))]).relayed
        )
        try client.bind(0x4001, to: otherRelayed)
        try other.bind(0x4002, to: relayed)
        try client.send([6], channel: 0x4001)
        #expect(other.socket.receive() == LoopbackClient.channelData([6], channel: 0x4002))
    }
}
