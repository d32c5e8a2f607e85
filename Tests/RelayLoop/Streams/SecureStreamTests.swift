import COpenSSL
import Exchange
import Foundation
import IOURing
import STUN
import TLS
import TURN
import Testing

@testable import RelayLoop

/// Clients over TLS (RFC 8489 6.2.3) and DTLS (RFC 7350) on a real relay thread.
@Suite(.serialized) struct SecureStreamTests {
    /// How a client reaches the relay.
    enum Way: CaseIterable { case tls, dtls }

    private func client(_ way: Way, _ relay: LoopbackRelay) throws -> LoopbackClient {
        switch way {
        case .tls: LoopbackClient(over: try FarTLS(to: relay.address), relay)
        case .dtls:
            LoopbackClient(
                over: try FarDTLS(from: FarSocket(relay.address), to: relay.address),
                relay
            )
        }
    }

    @Test(arguments: Way.allCases)
    func channelDataGoesBothWays(way: Way) throws {
        let relay = try LoopbackRelay.withCertificate()
        let client = try client(way, relay)
        let peer = try FarSocket(relay.peerHost)
        let relayed = try client.connect(to: peer.address)
        for count in [0, 1, 2, 3, 4, 1000, 1200] {
            let data = [UInt8](repeating: UInt8(truncatingIfNeeded: count), count: count)
            try client.send(data)
            #expect(peer.receive() == data)
            try peer.send(data, to: relayed)
            #expect(client.socket.receive() == LoopbackClient.channelData(data))
        }
        relay.stop()
        #expect(relay.value(.handshakes) == 1)
        #expect(relay.value(.datagramsToPeers) == 7)
    }

    @Test(arguments: Way.allCases)
    func trainsArriveInOrder(way: Way) throws {
        let relay = try LoopbackRelay.withCertificate()
        let client = try client(way, relay)
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

    @Test func largeMessagesAndManyRecordsGoThrough() throws {
        let relay = try LoopbackRelay.withCertificate()
        let tls = try FarTLS(to: relay.address)
        let client = LoopbackClient(over: tls, relay)
        let peer = try FarSocket(relay.peerHost)
        let relayed = try client.connect(to: peer.address)
        let data = [UInt8](repeating: 7, count: 60_000)
        try client.send(data)
        #expect(peer.receive() == data)
        try peer.send(data, to: relayed)
        #expect(client.socket.receive() == LoopbackClient.channelData(data))
        // 200 messages in records that end anywhere.
        let messages = (0..<200).map { [UInt8](repeating: UInt8($0), count: 1000) }
        try tls.write(messages.flatMap { LoopbackClient.channelData($0) })
        for message in messages { try #require(peer.receive() == message) }
    }

    @Test func tlsAndPlainShareAPort() throws {
        let relay = try LoopbackRelay.withCertificate()
        let plain = try LoopbackClient(over: FarStream(to: relay.address), relay)
        let secure = try LoopbackClient(over: FarTLS(to: relay.address), relay)
        #expect(try plain.allocate().messageClass == .success)
        #expect(try secure.allocate().messageClass == .success)
    }

    @Test func aStormOfHandshakesIsServedInTurns() throws {
        let relay = try LoopbackRelay.withCertificate()
        let streams = try (0..<40).map { _ in try FarTLS(to: relay.address) }
        #expect(streams.count == 40)
        #expect(relay.wait { relay.value(.handshakes) == 40 })
    }

    @Test func aRequestBetweenTheHandshakeAndTheEndIsAnswered() throws {
        let relay = try LoopbackRelay.withCertificate()
        for _ in 0..<20 {
            let tls = try FarTLS(to: relay.address, leavesRestForWrite: true)
            let client = LoopbackClient(over: tls, relay)
            let id = TransactionID(high: 1, low: 1)
            try tls.write(client.message(.binding, .request, id, []))
            tls.stream.endSending()
            try #require(tls.receive(milliseconds: 30_000) != nil)
            #expect(tls.stream.isEnded())
        }
        #expect(relay.wait { relay.value(.connections) == 0 })
    }

    @Test func garbageUnderTLSEndsTheConnection() throws {
        let relay = try LoopbackRelay.withCertificate()
        let tls = try FarTLS(to: relay.address)
        try tls.write([0xFF, 1, 2, 3])
        #expect(tls.stream.isEnded())
        let raw = try FarStream(to: relay.address)
        try raw.send([22, 3, 1, 0, 5, 1, 2, 3, 4, 5])
        #expect(raw.isEnded())
        #expect(relay.wait { relay.value(.tlsFailures) == 1 })
        #expect(relay.wait { relay.value(.connections) == 0 })
    }

    @Test(arguments: Way.allCases)
    func theEndOfTheSessionEndsTheAllocation(way: Way) throws {
        let relay = try LoopbackRelay.withCertificate()
        do {
            let client = try client(way, relay)
            _ = try client.allocate()
            #expect(relay.wait { relay.value(.allocations) == 1 })
            if let dtls = client.socket as? FarDTLS { try dtls.shutDown() }
        }
        #expect(relay.wait { relay.value(.allocations) == 0 })
        #expect(relay.wait { relay.value(.connections) == 0 })
    }

    @Test func helloWithoutCookieLeavesNothingBehind() throws {
        let relay = try LoopbackRelay.withCertificate()
        let client = try client(.dtls, relay)
        _ = try client.allocate()
        // A record of a ClientHello that nobody will answer for.
        let hello: [UInt8] =
            [22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 54, 1, 0, 0, 42, 0, 0, 0, 0, 0, 0, 0, 42]
            + [254, 253] + [UInt8](repeating: 9, count: 32) + [0, 0, 0, 2, 0xC0, 0x2B, 1, 0]
        let stranger = try FarSocket(relay.address)
        for _ in 0..<200 { try stranger.send(hello, to: relay.address) }
        #expect(stranger.receive() != nil)
        #expect(relay.value(.connections) == 1)
        #expect(try client.refreshToNothing().messageClass == .success)
    }

    @Test func aClientOverDTLSMayBeginAnewFromItsAddress() throws {
        let relay = try LoopbackRelay.withCertificate()
        let socket = try FarSocket(relay.address)
        let first = LoopbackClient(over: try FarDTLS(from: socket, to: relay.address), relay)
        _ = try first.allocate()
        let second = LoopbackClient(over: try FarDTLS(from: socket, to: relay.address), relay)
        #expect(try second.allocate().messageClass == .success)
        #expect(relay.wait { relay.value(.allocations) == 1 && relay.value(.connections) == 1 })
    }

    @Test func newSessionsGetTheNewCertificate() throws {
        let relay = try LoopbackRelay.withCertificate()
        let before = try client(.tls, relay)
        relay.shared.tls = try LoopbackRelay.certificates()
        #expect(relay.threads[0].reloadCertificates())
        let after = try client(.tls, relay)
        #expect(try before.allocate().messageClass == .success)
        #expect(try after.allocate().messageClass == .success)
    }
}

extension LoopbackRelay {
    /// A relay that takes connections, with a certificate for them and for DTLS.
    static func withCertificate(
        _ configure: (inout RelayThreadConfiguration) -> Void = { _ in }
    ) throws -> LoopbackRelay {
        try LoopbackRelay(tls: try certificates()) {
            $0.streamListeners = $0.listeners
            $0.connections.connections = 256
            configure(&$0)
        }
    }

    /// A certificate made for the test.
    static func certificates() throws -> TLSContexts {
        let path = NSTemporaryDirectory() + "turnpike-loop-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: path) }
        try #require(FileManager.default.createFile(atPath: path, contents: nil))
        let file = try #require(FileHandle(forWritingAtPath: path))
        try #require(turnpike_write_certificate(file.fileDescriptor, "DNS:localhost", 3) == 0)
        return TLSContexts(
            stream: try TLSContext(.stream, certificate: path, privateKey: path),
            datagram: try TLSContext(.datagram, certificate: path, privateKey: path)
        )
    }
}

extension SecureStreamTests {
    /// A buffer was lost for each record that was too long for DTLS.
    @Test func datagramsTooLongForDTLSCostNoBuffers() throws {
        let relay = try LoopbackRelay.withCertificate { $0.bufferCount = 32 }
        let client = LoopbackClient(
            over: try FarDTLS(from: FarSocket(relay.address), to: relay.address),
            relay
        )
        let peer = try FarSocket(relay.peerHost)
        let relayed = try client.connect(to: peer.address)
        let long = [UInt8](repeating: 1, count: 40_000)
        for number in 1...200 {
            try peer.send(long, to: relayed)
            #expect(relay.wait { relay.value(.datagramsFromPeers) == UInt64(number) })
        }
        try peer.send([1, 2, 3], to: relayed)
        #expect(client.socket.receive() == LoopbackClient.channelData([1, 2, 3]))
    }

    /// A ClientHello in two pieces ended the process where buffers are small.
    @Test func aHelloLongerThanABufferEndsItsConnectionOnly() throws {
        let relay = try LoopbackRelay.withCertificate {
            $0.bufferSize = 2048
            $0.receiveOffload = false
        }
        let stream = try FarStream(to: relay.address)
        let hello: [UInt8] = [22, 3, 1, 0x0C, 0x00] + [UInt8](repeating: 1, count: 3072)
        try stream.send(Array(hello.prefix(1500)))
        try stream.send(Array(hello.dropFirst(1500)))
        #expect(stream.isEnded())
        let plain = try LoopbackClient(over: FarStream(to: relay.address), relay)
        #expect(try plain.allocate().messageClass == .success)
    }

    /// A client that did not read for a while was disconnected as soon as it sent.
    @Test func aTLSClientThatDoesNotReadKeepsItsConnection() throws {
        let relay = try LoopbackRelay.withCertificate { $0.streamSendBuffer = 8192 }
        let tls = try FarTLS(to: relay.address)
        let client = LoopbackClient(over: tls, relay)
        let peer = try FarSocket(relay.peerHost)
        let relayed = try client.connect(to: peer.address)
        var sent: UInt64 = 0
        while relay.value(.dropsConnectionFull) < 100 {
            try peer.send([UInt8](repeating: 1, count: 1000), to: relayed)
            sent += 1
            if sent % 50 == 0 {
                try #require(relay.wait { relay.value(.datagramsFromPeers) == sent })
            }
            try #require(sent < 1_000_000)
        }
        try client.send([9])
        #expect(peer.receive() == [9])
        #expect(relay.value(.connections) == 1)
        // What was taken arrives when it reads again.
        #expect(client.socket.receive() != nil)
    }
}
