import Glibc
import IOURing
import Testing

/// A peer that takes connections.
final class FarListener {
    let address: SocketAddress
    private let descriptor: Int32

    init(_ host: SocketAddress, receiveBuffer: Int = 0, backlog: Int32 = 64) throws {
        var options = StreamSocketOptions()
        options.receiveBuffer = receiveBuffer
        let socket = try StreamSocket(boundTo: host.with(port: 0), options: options)
        try #require(listen(socket.descriptor, backlog) == 0)
        address = try socket.localAddress()
        descriptor = socket.release()
    }

    deinit { close(descriptor) }

    /// The next connection, within half a minute.
    func accept() throws -> FarStream {
        var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        try #require(Glibc.poll(&poll, 1, 30_000) == 1)
        let accepted = Glibc.accept(descriptor, nil, nil)
        try #require(accepted >= 0)
        return try FarStream(adopting: accepted)
    }
}

/// An end of a stream that carries bytes, not messages.
protocol FarBytes: FarEnd {
    /// Sends bytes as they are.
    func write(_ bytes: [UInt8]) throws

    /// The next `count` bytes; fewer when the stream ends, or nothing comes within the time.
    func read(_ count: Int) -> [UInt8]
}

extension FarStream: FarBytes {
    func write(_ bytes: [UInt8]) throws { try send(bytes) }

    func read(_ count: Int) -> [UInt8] {
        var bytes = takePending(count)
        while bytes.count < count, let more = receiveBytes(atMost: count - bytes.count),
            !more.isEmpty
        {
            bytes += more
        }
        return bytes
    }

    /// Resets the connection.
    func reset() {
        var value = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &value, socklen_t(8))
        var unspecified = sockaddr(sa_family: sa_family_t(AF_UNSPEC), sa_data: Self.noData)
        connect(descriptor, &unspecified, socklen_t(16))
    }

    private static let noData = sockaddr().sa_data
}

extension FarTLS: FarBytes {
    func read(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count, let more = receiveBytes(atMost: count - bytes.count) {
            bytes += more
        }
        return bytes
    }
}
