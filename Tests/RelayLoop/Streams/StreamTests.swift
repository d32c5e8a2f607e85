import Exchange
import IOURing
import STUN
import TURN
import Testing

@testable import RelayLoop

/// Clients over TCP on a real relay thread (RFC 8489 6.2.2, RFC 8656 12.5).
@Suite(.serialized) struct StreamTests {
    @Test func channelDataGoesBothWays() throws {
        let relay = try LoopbackRelay.withStreams()
        let client = try LoopbackClient(over: FarStream(to: relay.address), relay)
        let peer = try FarSocket(relay.peerHost)
        let relayed = try client.connect(to: peer.address)
        for count in [0, 1, 2, 3, 4, 1000, 1472, 9000, 60_000] {
            let data = [UInt8](repeating: UInt8(truncatingIfNeeded: count), count: count)
            try client.send(data)
            #expect(peer.receive() == data)
            try peer.send(data, to: relayed)
            #expect(client.socket.receive() == LoopbackClient.channelData(data))
        }
        relay.stop()
        #expect(relay.value(.datagramsToPeers) == 9)
        #expect(relay.value(.datagramsFromPeers) == 9)
    }

    @Test func indicationsGoBothWays() throws {
        let relay = try LoopbackRelay.withStreams()
        let client = try LoopbackClient(over: FarStream(to: relay.address), relay)
        let peer = try FarSocket(relay.peerHost)
        let relayed = try #require(try client.allocate().relayed)
        try client.permit(peer.address)
        for count in [0, 1, 2, 3, 4, 999] {
            let data = [UInt8](repeating: 5, count: count)
            try client.indicate(data, to: peer.address)
            #expect(peer.receive() == data)
            try peer.send(data, to: relayed)
            let received = try #require(client.socket.receive())
            #expect(LoopbackClient.indicated(received)?.data == data)
        }
    }

    @Test(arguments: [1, 3, 7, 100, 1003])
    func messagesArriveWholeHoweverTheStreamIsCut(size: Int) throws {
        let relay = try LoopbackRelay.withStreams()
        let stream = try FarStream(to: relay.address)
        let client = LoopbackClient(over: stream, relay)
        let peer = try FarSocket(relay.peerHost)
        _ = try client.connect(to: peer.address)
        let messages = [0, 1, 5, 100, 1000].map { [UInt8](repeating: UInt8($0 & 255), count: $0) }
        let bytes = messages.flatMap { data in
            LoopbackClient.channelData(data) + [UInt8](repeating: 0, count: -data.count & 3)
        }
        var start = 0
        while start < bytes.count {
            try stream.send(Array(bytes[start..<min(start + size, bytes.count)]))
            start += size
        }
        for message in messages { #expect(peer.receive() == message) }
    }

    @Test func burstsLeaveAsOneSend() throws {
        let relay = try LoopbackRelay.withStreams()
        let stream = try FarStream(to: relay.address)
        let client = LoopbackClient(over: stream, relay)
        let peer = try FarSocket(relay.peerHost)
        _ = try client.connect(to: peer.address)
        let data = (0..<20).map { [UInt8](repeating: UInt8($0), count: 1000) }
        try stream.send(data.flatMap { LoopbackClient.channelData($0) })
        for data in data { #expect(peer.receive() == data) }
        relay.stop()
        #expect(relay.value(.segmentedSends) >= 1)
    }

    @Test func largeTrainsFromAPeerArriveInOrder() throws {
        let relay = try LoopbackRelay.withStreams()
        let client = try LoopbackClient(over: FarStream(to: relay.address), relay)
        let peer = try FarSocket(relay.peerHost)
        let relayed = try client.connect(to: peer.address)
        let train = (0..<20).map { [UInt8](repeating: UInt8($0), count: $0 == 19 ? 333 : 1001) }
        for _ in 0..<5 {
            try peer.send(train.flatMap(\.self), to: relayed, segmentSize: 1001)
            for data in train {
                try #require(client.socket.receive() == LoopbackClient.channelData(data))
            }
        }
    }

    @Test func theEndOfTheStreamEndsTheAllocation() throws {
        let relay = try LoopbackRelay.withStreams()
        do {
            let client = try LoopbackClient(over: FarStream(to: relay.address), relay)
            _ = try client.allocate()
            #expect(relay.wait { relay.value(.allocations) == 1 })
        }
        #expect(relay.wait { relay.value(.allocations) == 0 })
        #expect(relay.wait { relay.value(.connections) == 0 })
        #expect(relay.value(.relaysClosed) == 1)
    }

    @Test func whatWasAskedBeforeTheEndIsAnswered() throws {
        let relay = try LoopbackRelay.withStreams()
        let stream = try FarStream(to: relay.address)
        let client = LoopbackClient(over: stream, relay)
        let id = TransactionID(high: 1, low: 1)
        try stream.send(client.message(.binding, .request, id, []))
        stream.endSending()
        #expect(stream.receive(milliseconds: 30_000)?.prefix(2) == [1, 1])
        #expect(stream.isEnded())
    }

    @Test func garbageEndsTheConnection() throws {
        let relay = try LoopbackRelay.withStreams()
        for garbage: [UInt8] in [[0xFF], [0, 1, 0, 3], [0, 1, 0, 0, 1, 2, 3, 4], [0x16, 3, 1]] {
            let stream = try FarStream(to: relay.address)
            try stream.send(garbage)
            #expect(stream.isEnded())
        }
        #expect(relay.wait { relay.value(.connectionsBroken) == 4 })
    }

    @Test func aStrangerMayNotSendWhatIsLarge() throws {
        let relay = try LoopbackRelay.withStreams()
        let stream = try FarStream(to: relay.address)
        // A request of 65 532 bytes that never ends.
        try stream.send(
            [0, 1, 0xFF, 0xFC, 0x21, 0x12, 0xA4, 0x42] + [UInt8](repeating: 0, count: 99)
        )
        #expect(stream.isEnded())
    }

    @Test func strangersLeaveWhenTheirTimeIsOver() throws {
        let relay = try LoopbackRelay.withStreams { $0.connections.idleSeconds = 3 }
        let client = try LoopbackClient(over: FarStream(to: relay.address), relay)
        _ = try client.allocate()
        // Comes when the client is a stranger no more, and stays one for as long as may be.
        let silent = try FarStream(to: relay.address)
        #expect(silent.isEnded())
        #expect(relay.wait { relay.value(.connectionsTimedOut) == 1 })
        // Who has an allocation stays.
        #expect(try client.refreshToNothing().messageClass == .success)
    }

    @Test func oldStrangersMakeRoom() throws {
        let relay = try LoopbackRelay.withStreams { $0.connections.connections = 32 }
        let client = try LoopbackClient(over: FarStream(to: relay.address), relay)
        _ = try client.allocate()
        let strangers = try (0..<60).map { _ in try FarStream(to: relay.address) }
        #expect(relay.wait { relay.value(.connectionsEvicted) > 0 })
        #expect(strangers[0].isEnded())
        #expect(try client.refreshToNothing().messageClass == .success)
    }

    /// Connections that came faster than old ones could be closed were reset, an honest client's among them.
    @Test func newcomersWaitUntilOldStrangersHaveMadeRoom() throws {
        let relay = try LoopbackRelay.withStreams { $0.connections.connections = 16 }
        let strangers = try (0..<400).map { _ in try FarStream(to: relay.address) }
        let client = try LoopbackClient(over: FarStream(to: relay.address), relay)
        _ = try client.allocate()
        #expect(strangers[0].isEnded())
        #expect(relay.value(.connectionsRefused) == 0)
        #expect(relay.wait { relay.value(.connectionsAccepted) == 401 })
    }

    @Test func whereNobodyMakesRoomNewcomersAreRefused() throws {
        let relay = try LoopbackRelay.withStreams { $0.connections.connections = 4 }
        let clients = try (0..<4).map { _ in
            try LoopbackClient(over: FarStream(to: relay.address), relay)
        }
        for client in clients { _ = try client.allocate() }
        let other = try FarStream(to: relay.address)
        #expect(other.isEnded())
        #expect(relay.wait { relay.value(.connectionsRefused) == 1 })
        for client in clients { #expect(try client.refreshToNothing().messageClass == .success) }
    }

    @Test func aSourceHasItsShare() throws {
        let relay = try LoopbackRelay.withStreams { $0.connections.perSource = 3 }
        let allowed = try (0..<3).map { _ in try FarStream(to: relay.address) }
        let other = try FarStream(to: relay.address)
        #expect(other.isEnded())
        #expect(allowed.allSatisfy { $0.receiveBytes(milliseconds: 50) == nil })
        #expect(relay.wait { relay.value(.connectionsRefused) == 1 })
    }

    @Test func aClientThatDoesNotReadLosesWholeMessagesOnly() throws {
        let relay = try LoopbackRelay.withStreams {
            $0.streamSendBuffer = 8192
        }
        let stream = try FarStream(to: relay.address)
        let client = LoopbackClient(over: stream, relay)
        let peer = try FarSocket(relay.peerHost)
        let relayed = try client.connect(to: peer.address)
        var sent: UInt64 = 0
        while relay.value(.dropsConnectionFull) < 100 {
            try peer.send(
                [UInt8](repeating: UInt8(truncatingIfNeeded: sent), count: 1001),
                to: relayed
            )
            sent += 1
            // No more at a time than the relay's socket holds.
            if sent % 50 == 0 {
                try #require(relay.wait { relay.value(.datagramsFromPeers) == sent })
            }
            try #require(sent < 1_000_000)
        }
        #expect(relay.wait { relay.value(.datagramsFromPeers) == sent })
        // Somebody else is served meanwhile; by his answer the counters of that pass are all there.
        let other = try LoopbackClient(over: FarStream(to: relay.address), relay)
        _ = try other.allocate()
        let arrived = sent - relay.value(.dropsConnectionFull)
        for _ in 0..<arrived { try #require(stream.receive()?.count == 1005) }
        try peer.send([1], to: relayed)
        #expect(stream.receive() == LoopbackClient.channelData([1]))
    }
}

extension LoopbackRelay {
    /// A relay that takes connections too.
    static func withStreams(
        _ configure: (inout RelayThreadConfiguration) -> Void = { _ in }
    ) throws -> LoopbackRelay {
        try LoopbackRelay {
            $0.streamListeners = $0.listeners
            $0.connections.connections = 256
            configure(&$0)
        }
    }
}
