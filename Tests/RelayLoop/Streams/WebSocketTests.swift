import Exchange
import IOURing
import STUN
import TURN
import Testing

@testable import RelayLoop

/// TURN over WebSocket, and clients behind a load balancer, on a real relay thread.
@Suite(.serialized) struct WebSocketTests {
    private static let request =
        "GET /turn HTTP/1.1\r\nHost: turn.example.org\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

    @Test(arguments: [1, 7, 10_000])
    func messagesGoBothWaysHoweverTheStreamIsCut(size: Int) throws {
        let relay = try LoopbackRelay.withStreams()
        let socket = try FarWebSocket(to: relay.address, request: Self.request, pieces: size)
        let client = LoopbackClient(over: socket, relay)
        let peer = try FarSocket(relay.peerHost)
        let relayed = try client.connect(to: peer.address)
        for count in [0, 1, 4, 120, 1000, 3000] {
            let data = [UInt8](repeating: UInt8(truncatingIfNeeded: count), count: count)
            try client.send(data)
            #expect(peer.receive() == data)
            try peer.send(data, to: relayed)
            let received = try #require(client.socket.receive())
            #expect(Array(received.prefix(4 + count)) == LoopbackClient.channelData(data))
        }
    }

    @Test func pingsAreAnsweredAndACloseCloses() throws {
        let relay = try LoopbackRelay.withStreams()
        let socket = try FarWebSocket(to: relay.address, request: Self.request)
        try socket.sendFrame(0x89, [1, 2, 3])
        let pong = try #require(socket.receiveFrame())
        #expect(pong.opcode == 0x8A && pong.payload == [1, 2, 3])
        try socket.sendFrame(0x88, [0x03, 0xE8])
        let close = try #require(socket.receiveFrame())
        #expect(close.opcode == 0x88 && close.payload == [0x03, 0xE8])
        #expect(socket.stream.isEnded())
    }

    @Test func otherRequestsAreRefused() throws {
        let relay = try LoopbackRelay.withStreams()
        for (request, status) in [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404"),
            ("POST /turn HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405"),
            ("GET /turn HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 426"),
            ("HELLO\r\n\r\n", "HTTP/1.1 400"),
            ("GET /turn HTTP/1.1\r\nA: " + String(repeating: "a", count: 9000), "HTTP/1.1 431"),
        ] {
            let stream = try FarStream(to: relay.address)
            try stream.send(Array(request.utf8))
            let answer = try #require(stream.receiveBytes())
            #expect(String(decoding: answer.prefix(12), as: UTF8.self) == status)
            #expect(stream.isEnded())
        }
    }

    @Test(arguments: [1, 5, 10_000])
    func aProxysHeaderNamesTheClient(size: Int) throws {
        let prefix = try #require(AddressPrefix("127.0.0.0/8"))
        let relay = try LoopbackRelay.withStreams { $0.connections.proxies = [prefix] }
        let stream = try FarStream(to: relay.address)
        let client = LoopbackClient(over: stream, relay)
        let id = TransactionID(high: 1, low: 1)
        let header = Array("PROXY TCP4 192.0.2.7 192.0.2.1 4242 3478\r\n".utf8)
        let bytes = header + client.message(.binding, .request, id, [])
        for start in stride(from: 0, to: bytes.count, by: size) {
            try stream.send(Array(bytes[start..<min(start + size, bytes.count)]))
        }
        let answer = try #require(stream.receive(milliseconds: 30_000))
        #expect(Self.mapped(answer) == "192.0.2.7:4242")
    }

    private static func mapped(_ answer: [UInt8]) -> String? {
        guard let message = Message(answer.span.rawBytes),
            let attribute = message.first(.xorMappedAddress)
        else { return nil }
        return message.xorAddress(attribute)?.description
    }

    @Test func aProxyWithoutAHeaderIsNotServed() throws {
        let prefix = try #require(AddressPrefix("127.0.0.0/8"))
        let relay = try LoopbackRelay.withStreams { $0.connections.proxies = [prefix] }
        let stream = try FarStream(to: relay.address)
        try stream.send([0, 1, 0, 0])
        #expect(stream.isEnded())
    }
}

/// The client's end of a WebSocket to a relay.
final class FarWebSocket: FarEnd {
    let stream: FarStream
    private let pieces: Int
    private var pending: [UInt8] = []

    var address: SocketAddress { stream.address }

    /// Connects and opens the WebSocket, and sends everything in pieces.
    init(to server: SocketAddress, request: String, pieces: Int = 10_000) throws {
        stream = try FarStream(to: server)
        self.pieces = pieces
        try send(Array(request.utf8))
        let end = Array("\r\n\r\n".utf8)
        while !pending.contains(end) {
            let bytes = try #require(stream.receiveBytes())
            try #require(!bytes.isEmpty)
            pending += bytes
        }
        let answer = String(decoding: pending, as: UTF8.self)
        try #require(answer.hasPrefix("HTTP/1.1 101"))
        try #require(answer.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"))
        pending = []
    }

    func send(_ bytes: [UInt8], to address: SocketAddress, segmentSize: Int) throws {
        try sendFrame(0x82, bytes)
    }

    /// Sends a frame, masked.
    func sendFrame(_ opcode: UInt8, _ payload: [UInt8]) throws {
        let length: [UInt8] =
            payload.count < 126
            ? [0x80 | UInt8(payload.count)]
            : [0xFE, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
        let key: [UInt8] = [0x11, 0x22, 0x33, 0x44]
        try send([opcode] + length + key + payload.indices.map { payload[$0] ^ key[$0 & 3] })
    }

    func receive(milliseconds: Int32) -> [UInt8]? {
        receiveFrame().flatMap { $0.opcode == 0x82 ? $0.payload : nil }
    }

    /// The next frame, whole.
    func receiveFrame() -> (opcode: UInt8, payload: [UInt8])? {
        while true {
            if pending.count >= 2 {
                let isLong = pending[1] == 126
                let head = isLong ? 4 : 2
                if pending.count >= head {
                    let count =
                        isLong ? Int(pending[2]) << 8 | Int(pending[3]) : Int(pending[1])
                    if pending.count >= head + count {
                        defer { pending.removeFirst(head + count) }
                        return (pending[0], Array(pending[head..<head + count]))
                    }
                }
            }
            guard let bytes = stream.receiveBytes(), !bytes.isEmpty else { return nil }
            pending += bytes
        }
    }

    private func send(_ bytes: [UInt8]) throws {
        for start in stride(from: 0, to: bytes.count, by: pieces) {
            try stream.send(Array(bytes[start..<min(start + pieces, bytes.count)]))
        }
    }
}
