/// The admin socket from the command line's side: where it is, and requests over it.

import Glibc
import Tunables

/// A connection to the server's admin socket, closed with the value.
struct AdminSocket: ~Copyable {
    /// The kernel's bound (`sun_path` with its final zero).
    static let longestPath = 107

    /// How long the server may be silent.
    private static let patienceSeconds = 10

    private let descriptor: Int32

    /// Connects.
    init(_ path: String) throws(StartProblem) {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        if descriptor < 0 { throw StartProblem("a socket", errno: errno) }
        if Self.connect(descriptor, path) { return }
        let number = errno
        // The deinitializer does not run for a value that was never made whole.
        close(descriptor)
        throw number == ENOENT || number == ECONNREFUSED
            ? StartProblem("no server answers at \(path): start one, or name its --state")
            : StartProblem(path, errno: number)
    }

    deinit { close(descriptor) }

    /// The path that settings and state directory make; nil when it is off.
    static func path(_ settings: Settings, _ state: StateDirectory) -> String? {
        switch settings.control.admin {
        case "": state.adminSocketPath
        case "off": nil
        case let path: path
        }
    }

    /// Whether somebody listens there.
    static func answers(_ path: String) -> Bool {
        (try? AdminSocket(path)) != nil
    }

    /// Sends a request and reads until the server closes.
    ///
    /// - Parameters:
    ///   - method: Such as `GET`.
    ///   - path: The path and query, escaped.
    /// - Returns: The answer.
    /// - Throws: When the server goes away, is silent for long, or answers something else.
    func answer(to method: String, _ path: String) throws(StartProblem) -> HTTPAnswer {
        var patience = timeval(tv_sec: Self.patienceSeconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &patience, size)
        }
        let head = "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        let request = Array(head.utf8)
        let sent = send(descriptor, request, request.count, Int32(MSG_NOSIGNAL))
        if sent != request.count { throw StartProblem("the admin socket", errno: errno) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            if count < 0 && errno == EINTR { continue }
            if count < 0 { throw StartProblem("the admin socket", errno: errno) }
            if count == 0 { break }
            bytes += chunk[..<count]
        }
        guard let answer = HTTPAnswer(bytes) else {
            throw StartProblem("the admin socket: no answer that could be read")
        }
        return answer
    }

    private static func connect(_ descriptor: Int32, _ path: String) -> Bool {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) {
            $0.copyBytes(from: path.utf8.prefix(longestPath))
        }
        return withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
    }
}
