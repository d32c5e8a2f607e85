import Exchange
import Foundation
import Glibc
import IOURing
import STUN
import TLS
import TURN
import Testing

@testable import RelayLoop

/// TCP allocations on real relay threads (RFC 6062).
@Suite(.serialized) struct TCPAllocationTests {
    // MARK: 5.2, 5.3

    @Test func theClientConnectsToAPeer() throws {
        let relay = try LoopbackRelay.withTCP()
        let control = try LoopbackClient(over: FarStream(to: relay.address), relay)
        let relayed = try control.allocateTCP(permitting: relay.peerHost)
        let listener = try FarListener(relay.peerHost)
        let id = try control.connectTCP(to: listener.address)
        let peer = try listener.accept()
        #expect(peer.address == relayed)
        let client = try control.bind(id, over: FarStream(to: relay.address))
        try client.send([1, 2, 3])
        #expect(peer.read(3) == [1, 2, 3])
        try peer.send([4, 5, 6, 7])
        #expect(client.read(4) == [4, 5, 6, 7])
        #expect(relay.wait { relay.value(.bytesJoinedToPeers) == 3 })
        #expect(relay.wait { relay.value(.bytesJoinedToClients) == 4 })
        #expect(relay.wait { relay.value(.peerConnections) == 1 })
        #expect(relay.value(.peerConnectionsBound) == 1)
    }

    @Test func aPeerConnectsToTheClient() throws {
        let relay = try LoopbackRelay.withTCP()
        let control = try LoopbackClient(over: FarStream(to: relay.address), relay)
        let relayed = try control.allocateTCP(permitting: relay.peerHost)
        let peer = try FarStream(to: relayed, from: relay.peerHost)
        let attempt = try control.attempt()
        #expect(attempt.peer == peer.address)
        let client = try control.bind(attempt.id, over: FarStream(to: relay.address))
        try peer.send([9])
        #expect(client.read(1) == [9])
        try client.send([8])
        #expect(peer.read(1) == [8])
    }

    @Test func aStrangersConnectionIsClosed() throws {
        let relay = try LoopbackRelay.withTCP()
        let control = try LoopbackClient(over: FarStream(to: relay.address), relay)
        let relayed = try control.allocateTCP(permitting: relay.peerHost)
        let stranger = try FarStream(to: relayed, from: relay.address)
        #expect(stranger.isEnded())
        #expect(relay.wait { relay.value(.dropsNoPermission) == 1 })
    }

    @Test func aRefusedConnectionIsAnswered() throws {
        let relay = try LoopbackRelay.withTCP()
        let control = try LoopbackClient(over: FarStream(to: relay.address), relay)
        _ = try control.allocateTCP(permitting: relay.peerHost)
        let nobody = try FarListener(relay.peerHost).address
        #expect(try control.askToConnect(to: nobody).error == 447)
        #expect(relay.wait { relay.value(.connections) == 1 })
    }

    @Test func aConnectionInTheMakingEndsWithItsAllocation() throws {
        let relay = try LoopbackRelay.withTCP()
        let stream = try FarStream(to: relay.address)
        let control = LoopbackClient(over: stream, relay)
        _ = try control.allocateTCP(permitting: relay.peerHost)
        // Whose queue is full does not answer.
        let listener = try FarListener(relay.peerHost, backlog: 0)
        let first = try FarStream(to: listener.address)
        let id = TransactionID(high: 1, low: 1)
        let request = control.message(
            .connect,
            .request,
            id,
            [(.xorPeerAddress, .address(listener.address))]
        )
        try stream.send(request)
        #expect(relay.wait { relay.value(.peerConnections) == 1 })
        #expect(stream.receive(milliseconds: 100) == nil)
        stream.endSending()
        #expect(relay.wait { relay.value(.connections) == 0 })
        #expect(relay.value(.peerConnections) == 0)
        #expect(first.address != listener.address)
    }

    @Test func aConnectionThatEndsTakesNoOtherAlong() throws {
        let relay = try LoopbackRelay.withTCP()
        let control = try LoopbackClient(over: FarStream(to: relay.address), relay)
        _ = try control.allocateTCP(permitting: relay.peerHost)
        for number in 0..<30 {
            let listener = try FarListener(relay.peerHost)
            // In the pass in which its descriptor is closed, the connection to the peer gets it.
            let passing = try (0..<20).map { _ in try FarStream(to: relay.address) }
            #expect(relay.wait { relay.value(.connections) == 21 })
            for stream in passing { stream.endSending() }
            let id = try control.connectTCP(to: listener.address)
            let peer = try listener.accept()
            let client = try control.bind(id, over: FarStream(to: relay.address))
            try client.send([1])
            #expect(peer.read(1) == [1], "round \(number)")
            client.endSending()
            peer.endSending()
            #expect(relay.wait { relay.value(.connections) == 1 })
        }
    }

    @Test func peersHaveAShareOfThePlaces() throws {
        let relay = try LoopbackRelay.withTCP { $0.connections.connections = 16 }
        let control = try LoopbackClient(over: FarStream(to: relay.address), relay)
        let relayed = try control.allocateTCP(permitting: relay.peerHost)
        let peers = try (0..<4).map { _ in try FarStream(to: relayed, from: relay.peerHost) }
        for _ in peers { _ = try control.attempt() }
        #expect(try FarStream(to: relayed, from: relay.peerHost).isEnded())
        #expect(try control.askToConnect(to: FarListener(relay.peerHost).address).error == 447)
        #expect(relay.wait { relay.value(.peerConnectionsRefused) == 2 })
    }

    @Test func ownAddressIsReachedAtRelayedTCPPortsOnly() throws {
        let relay = try LoopbackRelay.withTCP()
        let control = try LoopbackClient(over: FarStream(to: relay.address), relay)
        _ = try control.allocateTCP(permitting: relay.address)
        // The relay's own listener is there, and is not to be reached.
        #expect(try control.askToConnect(to: relay.address).error == 447)
        let udp = try LoopbackClient(over: FarStream(to: relay.address), relay)
        let relayedUDP = try #require(try udp.allocate().relayed)
        #expect(try control.askToConnect(to: relayedUDP).error == 447)
        let other = try LoopbackClient(over: FarStream(to: relay.address), relay)
        let relayed = try other.allocateTCP(permitting: relay.address)
        _ = try control.connectTCP(to: relayed)
        _ = try other.attempt()
    }

    @Test func whatAPeerSaysEarlyIsKept() throws {
        let relay = try LoopbackRelay.withTCP()
        let control = try LoopbackClient(over: FarStream(to: relay.address), relay)
        let relayed = try control.allocateTCP(permitting: relay.peerHost)
        let peer = try FarStream(to: relayed, from: relay.peerHost)
        let early = noise(20_000, seed: 1)
        try peer.send(early)
        peer.endSending()
        let attempt = try control.attempt()
        usleep(50_000)
        let client = try control.bind(attempt.id, over: FarStream(to: relay.address))
        #expect(client.read(20_000) == early)
        #expect(client.receiveBytes() == [])
    }

    // MARK: Threads

    @Test func dataConnectionsFindTheThreadOfTheirPeer() throws {
        let relay = try LoopbackRelay.withTCP(threads: 2)
        let control = try LoopbackClient(over: FarStream(to: relay.address), relay)
        _ = try control.allocateTCP(permitting: relay.peerHost)
        for number in 0..<16 {
            let listener = try FarListener(relay.peerHost)
            let id = try control.connectTCP(to: listener.address)
            let peer = try listener.accept()
            let data = noise(200_000, seed: UInt64(number))
            let client = try FarStream(to: relay.address)
            try client.send(control.bindRequest(id) + data)
            try #require(client.receive(milliseconds: 30_000)?.prefix(2) == [1, 0x0B])
            #expect(peer.read(data.count) == data)
            try peer.send(data)
            #expect(client.read(data.count) == data)
            client.endSending()
            peer.endSending()
        }
        #expect(relay.wait { relay.value(.connectionsHandedOver) > 0 })
        #expect(relay.wait { relay.value(.connections) == 1 })
        #expect(relay.value(.handoversRefused) == 0)
        #expect(relay.value(.peerConnectionsBound) == 16)
    }

    @Test func connectionsUnderTLSFindItToo() throws {
        let relay = try LoopbackRelay.withTCP(threads: 2, tls: LoopbackRelay.certificates())
        let control = LoopbackClient(over: try FarTLS(to: relay.address), relay)
        _ = try control.allocateTCP(permitting: relay.peerHost)
        for number in 0..<16 {
            let listener = try FarListener(relay.peerHost)
            let id = try control.connectTCP(to: listener.address)
            let peer = try listener.accept()
            let client = try control.bind(id, over: try FarTLS(to: relay.address))
            let data = noise(30_000, seed: UInt64(number))
            try client.write(data)
            #expect(peer.read(data.count) == data)
            try peer.send(data)
            #expect(client.read(data.count) == data)
        }
        #expect(relay.wait { relay.value(.connectionsHandedOver) > 0 })
        #expect(relay.value(.handoversRefused) == 0)
    }
}
