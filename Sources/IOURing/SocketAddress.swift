internal import Glibc

/// An IP address and a port, as the kernel's `sockaddr_in` and `sockaddr_in6` hold them.
///
/// The host is kept as the host-order value of its big-endian number, so that two addresses
/// compare and hash as three machine words.
public struct SocketAddress: Hashable, Sendable, BitwiseCopyable {
    /// The address family of a socket.
    public enum Family: UInt8, Sendable, BitwiseCopyable {
        /// `AF_INET`.
        case ipv4 = 1
        /// `AF_INET6`.
        case ipv6 = 2
    }

    /// The upper 64 bits of an IPv6 address; 0 for IPv4.
    public let high: UInt64
    /// The lower 64 bits of an IPv6 address, or the 32 bits of an IPv4 address.
    public let low: UInt64
    /// The interface index that a link-local IPv6 address needs; otherwise 0.
    public let scope: UInt32
    /// The port, in host order.
    public let port: UInt16
    /// The family.
    public let family: Family

    /// An IPv4 address from its 32-bit number, most significant byte first in print.
    public init(ipv4: UInt32, port: UInt16) {
        high = 0
        low = UInt64(ipv4)
        scope = 0
        self.port = port
        family = .ipv4
    }

    /// An IPv6 address from the two halves of its 128-bit number.
    public init(ipv6High: UInt64, low: UInt64, port: UInt16, scope: UInt32 = 0) {
        high = ipv6High
        self.low = low
        self.scope = scope
        self.port = port
        family = .ipv6
    }

    /// The unspecified address of a family: binds to every interface.
    public static func any(_ family: Family, port: UInt16 = 0) -> SocketAddress {
        switch family {
        case .ipv4: SocketAddress(ipv4: 0, port: port)
        case .ipv6: SocketAddress(ipv6High: 0, low: 0, port: port)
        }
    }

    /// The loopback address of a family.
    public static func loopback(_ family: Family, port: UInt16 = 0) -> SocketAddress {
        switch family {
        case .ipv4: SocketAddress(ipv4: 0x7F00_0001, port: port)
        case .ipv6: SocketAddress(ipv6High: 0, low: 1, port: port)
        }
    }

    /// The same host with another port.
    public func with(port: UInt16) -> SocketAddress {
        switch family {
        case .ipv4: SocketAddress(ipv4: UInt32(truncatingIfNeeded: low), port: port)
        case .ipv6: SocketAddress(ipv6High: high, low: low, port: port, scope: scope)
        }
    }
}

// MARK: - The kernel's form

extension SocketAddress {
    /// Bytes that hold the kernel's form of every family.
    static let kernelSize = 28

    /// Reads a `sockaddr_in` or `sockaddr_in6` from the first `count` of some bytes; `nil` when it is neither.
    init?(kernelForm bytes: RawSpan, count: Int) {
        guard 0...bytes.byteCount ~= count else { return nil }
        // SAFETY: the guard above: as many are there.
        let address = unsafe bytes.withUnsafeBytes { bytes in
            unsafe bytes.baseAddress.flatMap { unsafe SocketAddress(kernelForm: $0, count: count) }
        }
        guard let address else { return nil }
        self = address
    }

    /// Reads a `sockaddr_in` or `sockaddr_in6` of `count` bytes, which are there; `nil` when it is neither.
    @unsafe
    @inline(__always)
    init?(kernelForm start: UnsafeRawPointer, count: Int) {
        guard count >= 16 else { return nil }
        // SAFETY: the caller's promise, and the guards.
        let family = unsafe start.loadUnaligned(as: UInt16.self)
        let port = UInt16(bigEndian: unsafe start.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
        switch Int32(family) {
        case AF_INET:
            let host = unsafe start.loadUnaligned(fromByteOffset: 4, as: UInt32.self)
            self.init(ipv4: UInt32(bigEndian: host), port: port)
        case AF_INET6:
            guard count >= Self.kernelSize else { return nil }
            let high = unsafe start.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
            let low = unsafe start.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
            let scope = unsafe start.loadUnaligned(fromByteOffset: 24, as: UInt32.self)
            self.init(
                ipv6High: UInt64(bigEndian: high),
                low: UInt64(bigEndian: low),
                port: port,
                scope: scope
            )
        default:
            return nil
        }
    }

    /// Writes the kernel's form to `memory`, which has room for ``kernelSize`` bytes; returns its size.
    @unsafe
    func store(to memory: UnsafeMutableRawPointer) -> Int {
        switch family {
        case .ipv4:
            // SAFETY: the caller's promise: 28 bytes are there.
            unsafe memory.storeBytes(of: UInt16(AF_INET), as: UInt16.self)
            unsafe memory.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
            let host = UInt32(truncatingIfNeeded: low).bigEndian
            unsafe memory.storeBytes(of: host, toByteOffset: 4, as: UInt32.self)
            unsafe memory.storeBytes(of: 0, toByteOffset: 8, as: UInt64.self)
            return 16
        case .ipv6:
            // SAFETY: the caller's promise: 28 bytes are there.
            unsafe memory.storeBytes(of: UInt16(AF_INET6), as: UInt16.self)
            unsafe memory.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
            unsafe memory.storeBytes(of: 0, toByteOffset: 4, as: UInt32.self)
            unsafe memory.storeBytes(of: high.bigEndian, toByteOffset: 8, as: UInt64.self)
            unsafe memory.storeBytes(of: low.bigEndian, toByteOffset: 16, as: UInt64.self)
            unsafe memory.storeBytes(of: scope, toByteOffset: 24, as: UInt32.self)
            return Self.kernelSize
        }
    }
}

extension SocketAddress: CustomStringConvertible {
    /// `192.0.2.1:3478` or `[2001:db8:0:0:0:0:0:1]:3478`, for logs and test failures.
    public var description: String {
        switch family {
        case .ipv4:
            let bytes = [24, 16, 8, 0].map { String((low >> UInt64($0)) & 0xFF) }
            return "\(bytes.joined(separator: ".")):\(port)"
        case .ipv6:
            let groups = [high, low].flatMap { half in
                [48, 32, 16, 0].map { String((half >> UInt64($0)) & 0xFFFF, radix: 16) }
            }
            return "[\(groups.joined(separator: ":"))]:\(port)"
        }
    }
}
