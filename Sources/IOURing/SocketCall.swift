internal import CLinux
internal import Glibc

/// The system calls that sockets of both kinds have in common.
enum SocketCall {
    /// Binds a socket to an address.
    static func bind(_ descriptor: Int32, to address: SocketAddress) throws(Errno) {
        var storage = sockaddr_storage()
        try unsafe withUnsafeMutableBytes(of: &storage) { bytes throws(Errno) in
            guard let start = bytes.baseAddress else { return }
            // SAFETY: 128 bytes are there for an address of at most 28.
            let count = unsafe address.store(to: start)
            let name = unsafe start.assumingMemoryBound(to: sockaddr.self)
            try Errno.check(unsafe Glibc.bind(descriptor, name, UInt32(count)))
        }
    }

    /// Connects a socket, or begins to: `EINPROGRESS`.
    static func connect(_ descriptor: Int32, to address: SocketAddress) throws(Errno) {
        var storage = sockaddr_storage()
        try unsafe withUnsafeMutableBytes(of: &storage) { bytes throws(Errno) in
            guard let start = bytes.baseAddress else { return }
            // SAFETY: 128 bytes are there for an address of at most 28.
            let count = unsafe address.store(to: start)
            let name = unsafe start.assumingMemoryBound(to: sockaddr.self)
            try Errno.check(unsafe Glibc.connect(descriptor, name, UInt32(count)))
        }
    }

    /// The error that waits on a socket; taking it removes it.
    static func error(of descriptor: Int32) -> Errno? {
        var number: Int32 = 0
        var count = UInt32(MemoryLayout<Int32>.size)
        // SAFETY: the kernel writes 4 bytes at most, before the call returns.
        let result = unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &number, &count)
        if result < 0 { return .last }
        return number == 0 ? nil : Errno(rawValue: number)
    }

    /// The address a socket is bound to.
    static func localAddress(of descriptor: Int32) throws(Errno) -> SocketAddress {
        try unsafe address { (name, count) in unsafe getsockname(descriptor, name, count) }
    }

    /// The address a socket is connected to.
    static func peerAddress(of descriptor: Int32) throws(Errno) -> SocketAddress {
        try unsafe address { (name, count) in unsafe getpeername(descriptor, name, count) }
    }

    /// Sets an option that is a number.
    static func set(
        _ descriptor: Int32,
        _ level: Int32,
        _ option: Int32,
        _ value: Int32
    ) throws(Errno) {
        // SAFETY: the kernel reads 4 bytes, before the call returns.
        let result = unsafe withUnsafePointer(to: value) { value in
            unsafe setsockopt(descriptor, level, option, value, UInt32(MemoryLayout<Int32>.size))
        }
        try Errno.check(result)
    }

    /// Sizes a queue: beyond the system's limit where the process may, else up to it; 0 leaves it.
    static func setQueue(
        _ descriptor: Int32,
        _ forced: Int32,
        _ limited: Int32,
        _ byteCount: Int
    ) {
        guard byteCount > 0 else { return }
        // The kernel doubles the value for its bookkeeping; a refusal leaves a smaller queue.
        let value = Int32(clamping: byteCount)
        do throws(Errno) {
            try set(descriptor, SOL_SOCKET, forced, value)
        } catch {
            try? set(descriptor, SOL_SOCKET, limited, value)
        }
    }

    private static func address(
        _ call: (UnsafeMutablePointer<sockaddr>?, UnsafeMutablePointer<UInt32>) -> Int32
    ) throws(Errno) -> SocketAddress {
        var storage = sockaddr_storage()
        var count = UInt32(MemoryLayout<sockaddr_storage>.size)
        let address = try unsafe withUnsafeMutableBytes(of: &storage) { bytes throws(Errno) in
            // SAFETY: the kernel writes at most the `count` bytes that are there.
            let name = unsafe bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self)
            try Errno.check(unsafe call(name, &count))
            return SocketAddress(kernelForm: unsafe bytes.bytes, count: Int(count))
        }
        guard let address else { throw .invalidArgument }
        return address
    }
}
