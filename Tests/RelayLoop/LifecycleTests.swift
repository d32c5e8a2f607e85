import Exchange
import Glibc
import IOURing
import STUN
import TURN
import Testing

@testable import RelayLoop

/// Relayed sockets and threads that come and go.
@Suite(.serialized) struct LifecycleTests {
    @Test func allocationsComeAndGoAndLeaveNothingBehind() throws {
        let relay = try LoopbackRelay(allocations: 10)
        let client = try LoopbackClient(relay)
        let peer = try FarSocket(relay.peerHost)
        for round in 0..<300 {
            let relayed = try client.connect(to: peer.address)
            let data = [UInt8(truncatingIfNeeded: round)]
            try client.send(data)
            try #require(peer.receive() == data)
            try peer.send(data, to: relayed)
            try #require(client.socket.receive() == LoopbackClient.channelData(data))
            #expect(try client.refreshToNothing().messageClass == .success)
        }
        // A counter of the last pass is published before the thread sleeps.
        #expect(relay.wait { relay.value(.relaysClosed) == 300 && relay.value(.allocations) == 0 })
        #expect(relay.value(.relaysOpened) == 300)
        #expect(relay.value(.receiveErrors) == 0)
    }

    /// What the kernel had accepted when the thread looked for the last time stayed open.
    @Test func whoConnectsWhileAThreadStopsSeesTheConnectionEnd() throws {
        for _ in 0..<10 {
            let relay = try LoopbackRelay {
                $0.streamListeners = $0.listeners
                $0.connections.connections = 1024
            }
            let thread = relay.threads[0]
            var streams: [FarStream] = []
            while streams.count < 3000, let stream = try FarStream.ifHeard(by: relay.address) {
                streams.append(stream)
                if streams.count == 100 { Task.detached { thread.stop() } }
            }
            relay.stop()
            #expect(streams.count >= 100)
            for stream in streams { try #require(stream.isEnded()) }
        }
    }

    @Test func whileItDrainsWhatThereIsGoesOn() throws {
        let relay = try LoopbackRelay(threads: 2)
        let client = try LoopbackClient(relay)
        let peer = try FarSocket(relay.peerHost)
        let relayed = try client.connect(to: peer.address)
        #expect(relay.shared.draining.toggle())
        for _ in 0..<8 { #expect(try LoopbackClient(relay).allocate().error == 508) }
        try peer.send([7], to: relayed)
        #expect(client.socket.receive() == LoopbackClient.channelData([7]))
        #expect(!relay.shared.draining.toggle())
        #expect(try LoopbackClient(relay).allocate().messageClass == .success)
    }

    /// Buffers run out, so receives end by themselves in the very passes that close their sockets.
    @Test func socketsCloseWhileBuffersRunOut() throws {
        let relay = try LoopbackRelay(allocations: 16) {
            $0.bufferCount = 2
            $0.batchWaitMicroseconds = 5000
        }
        let clients = try (0..<8).map { _ in try LoopbackClient(relay) }
        let peer = try FarSocket(relay.peerHost)
        for round in 0..<40 {
            let relayed = try clients.map { try $0.connect(to: peer.address) }
            for _ in 0..<10 { for address in relayed { try peer.send([1], to: address) } }
            for client in clients { #expect(try client.refreshToNothing().error == nil) }
            #expect(Set(relayed.map(\.port)).count == 8, "round \(round)")
        }
        #expect(relay.wait { relay.value(.relaysClosed) == 320 })
        #expect(relay.value(.relaysOpened) == 320)
        // Every index is free once, and none twice: all allocations the server may hold are there.
        let all = try (0..<16).map { _ in try LoopbackClient(relay) }
        let relayed = try all.map { try $0.connect(to: peer.address) }
        for (index, client) in all.enumerated() {
            try peer.send([UInt8(index)], to: relayed[index])
            #expect(client.socket.receive() == LoopbackClient.channelData([UInt8(index)]))
        }
    }

    @Test func relayedPortIsFreeOnceTheThreadHasEnded() throws {
        let relay = try LoopbackRelay()
        let relayed = try #require(try LoopbackClient(relay).allocate().relayed)
        #expect(throws: Errno.addressInUse) { _ = try DatagramSocket(boundTo: relayed) }
        relay.stop()
        _ = try DatagramSocket(boundTo: relayed)
        _ = try DatagramSocket(boundTo: relay.address)
    }

    @Test func reservationIsClaimedOnWhicheverThreadTheClientLands() throws {
        let relay = try LoopbackRelay(threads: 2)
        // Kept, or another client may get the port of one whose allocation is still there.
        var clients: [LoopbackClient] = []
        for _ in 0..<16 {
            clients.append(try LoopbackClient(relay))
            let first = try clients[clients.count - 1].allocate([(.evenPort, .uint8(0x80))])
            let token = try #require(first.token)
            let even = try #require(first.relayed)
            #expect(even.port % 2 == 0)
            let client = try LoopbackClient(relay)
            clients.append(client)
            let second = try client.allocate([(.reservationToken, .uint64(token))])
            #expect(second.relayed == even.with(port: even.port + 1))
            let third = try LoopbackClient(relay).allocate([(.reservationToken, .uint64(token))])
            #expect(third.error == 508)

            let peer = try FarSocket(relay.peerHost)
            try client.bind(0x4000, to: peer.address)
            try client.send([8])
            #expect(peer.receive() == [8])
        }
        for thread in relay.threads { #expect(thread.counters.value(.relaysOpened) > 0) }
    }

    @Test func portOfAnotherProgramIsSaidInOneLine() throws {
        let taken = try DatagramSocket(boundTo: .loopback(.ipv4))
        let address = TransportAddress(try taken.localAddress())
        let thread = try RelayThread(
            index: 0,
            configuration: RelayThreadConfiguration(
                server: ServerConfiguration(),
                listeners: [address]
            ),
            shared: SharedState(allocations: 1, allocationsPerUser: 0)
        )
        let error = #expect(throws: StartError.self) { try thread.start() }
        #expect(error?.description.contains("cannot listen on udp \(address)") == true)
        #expect(error?.description.contains("EADDRINUSE") == true)
    }
}
