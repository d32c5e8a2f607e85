/// A blocking TCP client that sends exactly the bytes it is told to.

import Glibc

/// A connection to a port of loopback; every read has a limit of a minute.
final class RawClient {
    /// The call that failed, or got nothing in time.
    struct Problem: Error { let errno = Glibc.errno }

    private let descriptor: Int32
    /// What came and was not taken yet.
    private(set) var received: [UInt8] = []
    /// True once the other side has ended.
    private(set) var isEnded = false

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if status != 0 { throw Problem() }
    }

    deinit {
        close(descriptor)
    }

    /// Sends bytes; false when the other side does not take them.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Sends a text.
    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    /// Sends a request with the headers every client sends.
    @discardableResult
    func request(_ line: String, _ headers: [String] = [], body: String = "") -> Bool {
        var lines = ["\(line) HTTP/1.1", "Host: localhost"] + headers
        if !body.isEmpty { lines.append("Content-Length: \(body.utf8.count)") }
        return send(lines.joined(separator: "\r\n") + "\r\n\r\n" + body)
    }

    /// Reads once; false at the end or when nothing came in time.
    @discardableResult
    func readMore() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var count = 0
        // The end of a ring that another test had on this thread interrupts it, and with a time limit the kernel does not
        // go on by itself.
        repeat {
            count = recv(descriptor, &buffer, buffer.count, 0)
        } while count < 0 && errno == EINTR
        if count == 0 || (count < 0 && errno == ECONNRESET) { isEnded = true }
        if count <= 0 { return false }
        received += buffer[..<count]
        return true
    }

    /// Takes so many bytes.
    func take(_ count: Int) throws -> [UInt8] {
        while received.count < count {
            if !readMore() { throw Problem() }
        }
        defer { received.removeFirst(count) }
        return Array(received[..<count])
    }

    /// Everything until the other side ends.
    func rest() throws -> String {
        while readMore() {}
        if !isEnded { throw Problem() }
        defer { received = [] }
        return String(decoding: received, as: UTF8.self)
    }

    /// Sends no more.
    func shutDown() {
        shutdown(descriptor, Int32(SHUT_WR))
    }
}

/// A response as it came.
struct RawResponse {
    let status: Int
    let headers: [(name: String, value: String)]
    let body: String

    /// The values of a header, by any case.
    subscript(name: String) -> [String] {
        headers.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }
}

extension RawClient {
    /// The next response with a `Content-Length`, or with none a body.
    func response(toHead isHead: Bool = false) throws -> RawResponse {
        var head: [UInt8] = []
        while !head.suffix(4).elementsEqual("\r\n\r\n".utf8) { head += try take(1) }
        let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n")
        let headers = lines.dropFirst().map { line in
            let parts = line.split(separator: ":", maxSplits: 1)
            return (
                name: String(parts[0]),
                value: String(parts.count > 1 ? parts[1].drop { $0 == " " } : "")
            )
        }
        let size = headers.first { $0.name.lowercased() == "content-length" }.flatMap {
            Int($0.value)
        }
        return RawResponse(
            status: Int(lines[0].split(separator: " ")[1]) ?? 0,
            headers: headers,
            body: String(decoding: try take(isHead ? 0 : size ?? 0), as: UTF8.self)
        )
    }
}
