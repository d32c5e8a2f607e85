import Exchange
import Foundation
import Glibc
import IOURing
import STUN
import TLS
import TURN
import Testing

@testable import RelayLoop

/// What joined connections carry, and how they end (RFC 6062 5.4, 5.5).
@Suite(.serialized) struct JoinedConnectionTests {
    /// A client with an allocation, its data connection, and the peer at the other end.
    struct Pair {
        let relay: LoopbackRelay
        let control: LoopbackClient
        let client: FarStream
        let peer: FarStream

        init(
            _ relay: LoopbackRelay? = nil,
            receiveBuffer: Int = 0,
            behindRequest: [UInt8] = []
        ) throws {
            self.relay = try relay ?? LoopbackRelay.withTCP()
            control = try LoopbackClient(over: FarStream(to: self.relay.address), self.relay)
            _ = try control.allocateTCP(permitting: self.relay.peerHost)
            let listener = try FarListener(self.relay.peerHost, receiveBuffer: receiveBuffer)
            let id = try control.connectTCP(to: listener.address)
            peer = try listener.accept()
            client = try FarStream(
                to: self.relay.address,
                from: self.relay.address,
                receiveBuffer: receiveBuffer
            )
            try client.send(control.bindRequest(id) + behindRequest)
            try #require(client.receive(milliseconds: 30_000)?.prefix(2) == [1, 0x0B])
        }
    }

    // MARK: 5.4

    @Test func whatFollowsTheRequestGoesToThePeer() throws {
        let data = noise(150_000, seed: 2)
        let pair = try Pair(behindRequest: data)
        #expect(pair.peer.read(data.count) == data)
    }

    @Test func muchGoesBothWaysAtATimeWithSlowReaders() throws {
        let pair = try Pair(receiveBuffer: 8192)
        try exchange(pair.client, pair.peer)
    }

    /// A megabyte each way at a time, read in small pieces.
    private func exchange(_ one: any FarBytes, _ other: any FarBytes) throws {
        let up = noise(1 << 20, seed: 3)
        let down = noise(1 << 20, seed: 4)
        nonisolated(unsafe) let (client, peer) = (one, other)
        let group = DispatchGroup()
        DispatchQueue.global().async(group: group) { try? peer.write(down) }
        DispatchQueue.global().async(group: group) {
            #expect(client.read(down.count) == down)
        }
        if one is FarTLS {
            group.wait()
            DispatchQueue.global().async(group: group) { try? client.write(up) }
        } else {
            DispatchQueue.global().async(group: group) { try? client.write(up) }
        }
        var received: [UInt8] = []
        while received.count < up.count {
            let piece = peer.read(min(10_000, up.count - received.count))
            if piece.isEmpty { break }
            received += piece
            if received.count % 7 == 0 { usleep(1000) }
        }
        #expect(received == up)
        group.wait()
    }

    @Test func underTLSToo() throws {
        let relay = try LoopbackRelay.withTCP(tls: LoopbackRelay.certificates())
        let control = LoopbackClient(over: try FarTLS(to: relay.address), relay)
        _ = try control.allocateTCP(permitting: relay.peerHost)
        let listener = try FarListener(relay.peerHost)
        let id = try control.connectTCP(to: listener.address)
        let peer = try listener.accept()
        let client = try control.bind(id, over: try FarTLS(to: relay.address))
        try exchange(client, peer)
        let last = noise(100_000, seed: 5)
        try peer.send(last)
        peer.endSending()
        #expect(client.read(last.count) == last)
        #expect(client.stream.isEnded())
        #expect(relay.wait { relay.value(.peerConnections) == 0 })
    }

    @Test func onlyOneClientIsJoined() throws {
        let relay = try LoopbackRelay.withTCP()
        let control = try LoopbackClient(over: FarStream(to: relay.address), relay)
        _ = try control.allocateTCP(permitting: relay.peerHost)
        let listener = try FarListener(relay.peerHost)
        let id = try control.connectTCP(to: listener.address)
        let client = try control.bind(id, over: FarStream(to: relay.address))
        let second = try FarStream(to: relay.address)
        try second.send(control.bindRequest(id))
        #expect(second.receive(milliseconds: 30_000)?.prefix(2) == [1, 0x1B])
        try client.send([1])
        #expect(try listener.accept().read(1) == [1])
    }

    @Test func aJoinedConnectionIsNoStranger() throws {
        let relay = try LoopbackRelay.withTCP { $0.connections.idleSeconds = 3 }
        let pair = try Pair(relay)
        // A stranger that came later has had its time before the connection is asked for more.
        #expect(try FarStream(to: relay.address).isEnded())
        try pair.client.send([1])
        #expect(pair.peer.read(1) == [1])
    }

    // MARK: 5.5

    @Test(arguments: [true, false])
    func eachDirectionEndsByItself(clientIsFirst: Bool) throws {
        let pair = try Pair()
        let first = clientIsFirst ? pair.client : pair.peer
        let second = clientIsFirst ? pair.peer : pair.client
        let request = noise(300_000, seed: 6)
        try first.send(request)
        first.endSending()
        #expect(second.read(request.count) == request)
        #expect(second.receiveBytes() == [])
        let answer = noise(300_000, seed: 7)
        try second.send(answer)
        second.endSending()
        #expect(first.read(answer.count) == answer)
        #expect(first.receiveBytes() == [])
        #expect(pair.relay.wait { pair.relay.value(.peerConnections) == 0 })
        #expect(pair.relay.wait { pair.relay.value(.connections) == 1 })
    }

    @Test(arguments: [true, false])
    func aResetEndsBoth(ofClient: Bool) throws {
        let pair = try Pair()
        (ofClient ? pair.client : pair.peer).reset()
        #expect((ofClient ? pair.peer : pair.client).isEnded())
        #expect(pair.relay.wait { pair.relay.value(.peerConnections) == 0 })
        #expect(pair.relay.wait { pair.relay.value(.connections) == 1 })
    }

    @Test func theEndOfTheControlConnectionEndsAll() throws {
        let relay = try LoopbackRelay.withTCP()
        let stream = try FarStream(to: relay.address)
        let control = LoopbackClient(over: stream, relay)
        let relayed = try control.allocateTCP(permitting: relay.peerHost)
        let listener = try FarListener(relay.peerHost)
        let id = try control.connectTCP(to: listener.address)
        let peer = try listener.accept()
        let client = try control.bind(id, over: FarStream(to: relay.address))
        let pending = try FarStream(to: relayed, from: relay.peerHost)
        _ = try control.attempt()
        stream.endSending()
        #expect(client.isEnded())
        #expect(peer.isEnded())
        #expect(pending.isEnded())
        #expect(relay.wait { relay.value(.connections) == 0 })
        #expect(relay.value(.relaysClosed) == 1)
        #expect(relay.value(.receiveErrors) == 0)
    }

    @Test func bandwidthIsAllocated() throws {
        let relay = try LoopbackRelay.withTCP { $0.server.bandwidthPerAllocation = 200_000 }
        let pair = try Pair(relay)
        let data = noise(500_000, seed: 8)
        let start = ContinuousClock.now
        nonisolated(unsafe) let client = pair.client
        DispatchQueue.global().async { try? client.send(data) }
        #expect(pair.peer.read(data.count) == data)
        #expect(ContinuousClock.now - start > .seconds(1))
    }
}
