import Exchange
import Glibc
import IOURing
import STUN
import TURN
import Testing

@testable import RelayLoop

/// A relay thread that runs out of something goes on.
@Suite(.serialized) struct PressureTests {
    /// Each datagram of each train needs a send of its own, more in a pass than there are slots: what
    /// is left over stands in the queue before the completions that free the slots.
    @Test func passThatUsesUpTheSendSlotsIsFollowedByOthers() throws {
        let relay = try LoopbackRelay { $0.batchWaitMicroseconds = 100_000 }
        let client = try LoopbackClient(relay)
        let host = relay.peerHost
        _ = try #require(try client.allocate().relayed)
        let channels = (0..<60).map { UInt16(0x4000 + $0) }
        for channel in channels { try client.bind(channel, to: host.with(port: channel)) }
        // Each train is longer than the one before, so that no two datagrams leave together.
        for count in 1...40 {
            let data = [UInt8](repeating: 1, count: count)
            let train = channels.flatMap { LoopbackClient.channelData(data, channel: $0) }
            try client.socket.send(train, to: relay.address, segmentSize: count + 4)
        }
        #expect(relay.wait { relay.value(.datagramsToPeers) == 2400 })
        #expect(try client.ask(.binding).messageClass == .success)
        #expect(relay.value(.dropsNoSendSlot) == 0)
    }

    @Test func fewBuffersDelayButDoNotStop() throws {
        let relay = try LoopbackRelay { $0.bufferCount = 2 }
        let client = try LoopbackClient(relay)
        let peer = try FarSocket(relay.peerHost)
        let relayed = try client.connect(to: peer.address)
        for number in 0..<200 {
            let data = [UInt8](repeating: UInt8(number), count: 100)
            try peer.send(data, to: relayed)
            try client.send(data)
        }
        for number in 0..<200 {
            let data = [UInt8](repeating: UInt8(number), count: 100)
            try #require(peer.receive() == data)
            try #require(client.socket.receive() == LoopbackClient.channelData(data))
        }
        #expect(relay.value(.buffersExhausted) > 0)
        #expect(relay.value(.receiveRearmed) > 0)
    }

    @Test func smallRingForwardsABurst() throws {
        let relay = try LoopbackRelay { $0.ringEntries = 4 }
        let client = try LoopbackClient(relay)
        let peer = try FarSocket(relay.peerHost)
        _ = try client.connect(to: peer.address)
        // Growing sizes: each leaves in a send of its own.
        for count in 1...150 { try client.send([UInt8](repeating: 1, count: count)) }
        for count in 1...150 { try #require(peer.receive()?.count == count) }
    }

    @Test func peerThatCannotBeReachedDropsOneDatagram() throws {
        let relay = try LoopbackRelay()
        let client = try LoopbackClient(relay)
        let peer = try FarSocket(relay.peerHost)
        _ = try client.connect(to: peer.address)
        try client.permit(relay.peerHost.with(port: 9))
        try client.indicate([1], to: relay.peerHost.with(port: 0))
        try client.indicate([1], to: relay.peerHost.with(port: 9))
        try client.send([2])
        #expect(peer.receive() == [2])
        #expect(try client.refreshToNothing().messageClass == .success)
    }

    @Test func noPortIsLeft() throws {
        let relay = try LoopbackRelay { $0.server.ports = 50_000...50_002 }
        let clients = try (0..<4).map { _ in try LoopbackClient(relay) }
        let answers = try clients.map { try $0.allocate() }
        #expect(answers.map(\.error) == [nil, nil, nil, 508])
        #expect(try clients[0].refreshToNothing().messageClass == .success)
        // At once: the port was closed a moment ago, and is taken because no other is free.
        #expect(relay.wait { (try? clients[3].allocate())?.error == nil })
    }

    @Test func datagramLargerThanABufferIsDroppedAndCounted() throws {
        let relay = try LoopbackRelay {
            $0.bufferSize = 1000
            $0.receiveOffload = false
        }
        let client = try LoopbackClient(relay)
        try client.socket.send([UInt8](repeating: 0x40, count: 4000), to: relay.address)
        #expect(relay.wait { relay.value(.dropsTruncated) == 1 })
        #expect(try client.ask(.binding).messageClass == .success)
    }
}
