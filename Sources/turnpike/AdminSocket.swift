/// The admin socket from the command line's side: where it is, and requests over it.

import Glibc
import Tunables

/// A connection to the server's admin socket, closed with the value.
struct AdminSocket: ~Copyable {
    /// The kernel's bound (`sun_path` with its final zero).
    static let longestPath = 107

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
