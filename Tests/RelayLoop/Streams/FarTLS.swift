import CTLSClient
import IOURing
import STUN
import TLS
import Testing

/// A client over TLS: OpenSSL's, over a `FarStream`.
final class FarTLS: FarEnd {
    let stream: FarStream
    private let session: OpaquePointer
    private var pending: [UInt8] = []

    var address: SocketAddress { stream.address }

    /// Connects to a relay and shakes hands; the last of it may leave with what is written first.
    init(to server: SocketAddress, leavesRestForWrite: Bool = false) throws {
        stream = try FarStream(to: server)
        var settings = turnpike_client_settings()
        session = try #require(turnpike_client_new(&settings))
        while true {
            let state = turnpike_client_handshake(session)
            if state == 1 && leavesRestForWrite { break }
            try flush()
            if state == 1 { break }
            try #require(state == 0)
            try feed()
        }
    }

    deinit { turnpike_client_free(session) }

    func send(_ bytes: [UInt8], to address: SocketAddress, segmentSize: Int) throws {
        let message = bytes + [UInt8](repeating: 0, count: -bytes.count & 3)
        try write(message)
    }

    /// Sends bytes of the stream of messages.
    func write(_ bytes: [UInt8]) throws {
        var start = 0
        while start < bytes.count {
            let piece = Array(bytes[start..<min(start + 16_000, bytes.count)])
            try #require(turnpike_client_write(session, piece, Int32(piece.count)) == piece.count)
            try flush()
            start += piece.count
        }
    }

    func receive(milliseconds: Int32) -> [UInt8]? {
        while true {
            if case .bytes(let count) = StreamMessage(front: pending.span.rawBytes),
                pending.count >= count
            {
                let message = Array(pending.prefix(count))
                pending.removeFirst(count)
                if message[0] < 64 { return message }
                return Array(message.prefix(4 + Int(message[2]) << 8 + Int(message[3])))
            }
            var bytes = [UInt8](repeating: 0, count: 20_000)
            let count = turnpike_client_read(session, &bytes, Int32(bytes.count))
            if count > 0 {
                pending += bytes.prefix(Int(count))
            } else if (try? feed(milliseconds: milliseconds)) == nil {
                return nil
            }
        }
    }

    /// Some bytes of the stream; nil when it ends, or nothing comes.
    func receiveBytes(atMost limit: Int) -> [UInt8]? {
        if !pending.isEmpty {
            let bytes = Array(pending.prefix(limit))
            pending.removeFirst(bytes.count)
            return bytes
        }
        while true {
            var bytes = [UInt8](repeating: 0, count: min(limit, 20_000))
            let count = turnpike_client_read(session, &bytes, Int32(bytes.count))
            if count > 0 { return Array(bytes.prefix(Int(count))) }
            if (try? feed()) == nil { return nil }
        }
    }

    private func feed(milliseconds: Int32 = 30_000) throws {
        let bytes = try #require(stream.receiveBytes(milliseconds: milliseconds))
        try #require(!bytes.isEmpty)
        turnpike_client_feed(session, bytes, bytes.count)
    }

    private func flush() throws {
        var bytes = [UInt8](repeating: 0, count: 20_000)
        while true {
            let count = turnpike_client_take(session, &bytes, bytes.count)
            if count == 0 { return }
            try stream.send(Array(bytes.prefix(count)))
        }
    }
}

/// A client over DTLS: OpenSSL's, over a `FarSocket`.
final class FarDTLS: FarEnd {
    let socket: FarSocket
    /// What it said to begin with: a ClientHello, and one with the cookie.
    private(set) var hellos: [[UInt8]] = []
    private let server: SocketAddress
    private var session: OpaquePointer

    var address: SocketAddress { socket.address }

    /// Shakes hands with a relay from a socket.
    init(from socket: FarSocket, to server: SocketAddress) throws {
        self.socket = socket
        self.server = server
        var settings = turnpike_client_settings()
        settings.is_datagram = 1
        session = try #require(turnpike_client_new(&settings))
        while true {
            let state = turnpike_client_handshake(session)
            try flush()
            if state == 1 { break }
            try #require(state == 0)
            let datagram = try #require(socket.receive())
            turnpike_client_feed(session, datagram, datagram.count)
        }
    }

    deinit { turnpike_client_free(session) }

    func send(_ bytes: [UInt8], to address: SocketAddress, segmentSize: Int) throws {
        try #require(turnpike_client_write(session, bytes, Int32(bytes.count)) == bytes.count)
        try flush()
    }

    func receive(milliseconds: Int32) -> [UInt8]? {
        while true {
            var bytes = [UInt8](repeating: 0, count: 20_000)
            let count = turnpike_client_read(session, &bytes, Int32(bytes.count))
            if count > 0 { return Array(bytes.prefix(Int(count))) }
            guard let datagram = socket.receive(milliseconds: milliseconds) else { return nil }
            turnpike_client_feed(session, datagram, datagram.count)
        }
    }

    /// Says close_notify.
    func shutDown() throws {
        turnpike_client_shutdown(session)
        try flush()
    }

    private func flush() throws {
        var bytes = [UInt8](repeating: 0, count: 20_000)
        while true {
            let count = turnpike_client_take(session, &bytes, bytes.count)
            if count == 0 { return }
            let datagram = Array(bytes.prefix(count))
            if hellos.count < 2 { hellos.append(datagram) }
            try socket.send(datagram, to: server)
        }
    }
}
