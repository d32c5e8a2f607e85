import Glibc
import STUN
import Testing

@testable import IOURing

/// The client's end of a TCP connection to a relay.
final class FarStream: FarEnd {
    let address: SocketAddress
    let descriptor: Int32
    private var pending: [UInt8] = []

    /// Connects to a relay if it listens.
    static func ifHeard(by server: SocketAddress) throws -> FarStream? {
        let socket = try StreamSocket(boundTo: server.with(port: 0))
        try socket.beginConnecting(to: server)
        var poll = pollfd(fd: socket.descriptor, events: Int16(POLLOUT), revents: 0)
        try #require(Glibc.poll(&poll, 1, 30_000) == 1)
        // One that has ended already has no address any more.
        guard StreamSocket.error(of: socket.descriptor) == nil,
            let stream = try? FarStream(adopting: socket.descriptor)
        else { return nil }
        _ = socket.release()
        return stream
    }

    /// Connects to a relay, from an address of the same network.
    convenience init(to server: SocketAddress) throws { try self.init(to: server, from: server) }

    /// Takes over a connection.
    init(adopting descriptor: Int32) throws {
        address = try StreamSocket.peerAddress(of: descriptor)
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }

    /// Connects from a host's address; the receive queue is as small as asked for.
    init(to server: SocketAddress, from host: SocketAddress, receiveBuffer: Int = 0) throws {
        var options = StreamSocketOptions()
        options.receiveBuffer = receiveBuffer
        let socket = try StreamSocket(boundTo: host.with(port: 0), options: options)
        var storage = sockaddr_storage()
        let result = withUnsafeMutableBytes(of: &storage) { name in
            let count = server.store(to: name.baseAddress.unsafelyUnwrapped)
            let name = name.baseAddress?.assumingMemoryBound(to: sockaddr.self)
            return connect(socket.descriptor, name, UInt32(count))
        }
        try #require(result == 0 || errno == EINPROGRESS)
        address = try socket.localAddress()
        descriptor = socket.release()
        try #require(isReady(POLLOUT, milliseconds: 30_000))
        var error: Int32 = 0
        var size = socklen_t(4)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size)
        try #require(error == 0)
    }

    deinit { close(descriptor) }

    /// Sends all the bytes, however long that takes within half a minute each.
    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let rest = bytes[sent...]
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                sent += count
            } else {
                try #require(errno == EAGAIN && isReady(POLLOUT, milliseconds: 30_000))
            }
        }
    }

    func send(_ bytes: [UInt8], to address: SocketAddress, segmentSize: Int) throws {
        let padding = [UInt8](repeating: 0, count: -bytes.count & 3)
        try send(bytes + padding)
    }

    /// The next message without its padding; nil when none comes in time or the stream ends.
    func receive(milliseconds: Int32) -> [UInt8]? {
        while true {
            if case .bytes(let count) = StreamMessage(front: pending.span.rawBytes),
                pending.count >= count
            {
                let message = Array(pending.prefix(count))
                pending.removeFirst(count)
                return message[0] < 64 ? message : withoutPadding(message)
            }
            guard let bytes = receiveBytes(milliseconds: milliseconds), !bytes.isEmpty else {
                return nil
            }
            pending += bytes
        }
    }

    /// What has come; empty at the end of the stream, nil when nothing comes in time.
    func receiveBytes(milliseconds: Int32 = 30_000, atMost limit: Int = 65_536) -> [UInt8]? {
        guard isReady(POLLIN, milliseconds: milliseconds) else { return nil }
        var bytes = [UInt8](repeating: 0, count: min(limit, 65_536))
        let count = recv(descriptor, &bytes, bytes.count, 0)
        return count > 0 ? Array(bytes.prefix(count)) : []
    }

    /// Bytes that came behind the last message.
    func takePending(_ count: Int) -> [UInt8] {
        let bytes = Array(pending.prefix(count))
        pending.removeFirst(bytes.count)
        return bytes
    }

    /// Whether the server ends the connection, within half a minute.
    func isEnded() -> Bool {
        while let bytes = receiveBytes() {
            if bytes.isEmpty { return true }
        }
        return false
    }

    /// Says that nothing more comes.
    func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    private func withoutPadding(_ message: [UInt8]) -> [UInt8] {
        Array(message.prefix(4 + Int(message[2]) << 8 + Int(message[3])))
    }

    private func isReady(_ event: Int32, milliseconds: Int32) -> Bool {
        var poll = pollfd(fd: descriptor, events: Int16(event), revents: 0)
        return Glibc.poll(&poll, 1, milliseconds) == 1
    }
}
