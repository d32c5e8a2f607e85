/// A socket that lives for one question to the kernel: is this address ours and free, which is the way out.

import Glibc
import STUN

/// A UDP or TCP socket, closed with the value.
struct ProbeSocket: ~Copyable {
    /// What it could carry.
    enum Kind { case datagram, stream }

    private let descriptor: Int32

    /// Opens a socket of a family.
    init(_ family: AddressFamily, kind: Kind = .datagram) throws(StartProblem) {
        let domain = family == .ipv4 ? AF_INET : AF_INET6
        let type = kind == .datagram ? SOCK_DGRAM : SOCK_STREAM
        descriptor = socket(domain, Int32(type.rawValue) | O_CLOEXEC, 0)
        if descriptor < 0 { throw StartProblem("a socket", errno: errno) }
        // Connections of a server before us, which the kernel still remembers, do not make a port taken.
        if kind == .stream { set(Int(SOL_SOCKET), SO_REUSEADDR, 1) }
    }

    deinit { close(descriptor) }

    /// Binds the socket, alone; returns 0 or the error number.
    ///
    /// Without SO_REUSEPORT, so that a port some other program shares counts as taken.
    func bind(to address: TransportAddress) -> Int32 {
        if address.ip.family == .ipv6 { set(IPPROTO_IPV6, IPV6_V6ONLY, 1) }
        let result = withSocketAddress(address) { Glibc.bind(descriptor, $0, $1) }
        return result == 0 ? 0 : errno
    }

    /// The address a datagram to `destination` would leave from; nil without a route.
    func source(towards destination: TransportAddress) -> IPAddress? {
        if destination.ip.family == .ipv6 {
            // Not one of the temporary addresses of RFC 8981, which go away after a day (RFC 5014 section 5).
            set(IPPROTO_IPV6, ipv6AddressPreferences, preferPublicSource)
        }
        let result = withSocketAddress(destination) { connect(descriptor, $0, $1) }
        guard result == 0 else { return nil }
        var storage = sockaddr_storage()
        var count = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getsockname(descriptor, $0, &count) == 0 ? IPAddress($0) : nil
            }
        }
    }

    /// Sets a socket option of one number.
    private func set(_ level: Int, _ option: Int32, _ value: Int32) {
        var value = value
        let count = socklen_t(MemoryLayout<Int32>.size)
        _ = setsockopt(descriptor, Int32(level), option, &value, count)
    }
}

/// IPV6_ADDR_PREFERENCES and IPV6_PREFER_SRC_PUBLIC of linux/in6.h, which the C library does not have.
private let ipv6AddressPreferences: Int32 = 72
private let preferPublicSource: Int32 = 2

private func withSocketAddress(
    _ address: TransportAddress,
    _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
) -> Int32 {
    func call<Form>(_ form: Form) -> Int32 {
        withUnsafePointer(to: form) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<Form>.size))
            }
        }
    }
    switch address.ip.family {
    case .ipv4:
        var form = sockaddr_in()
        form.sin_family = sa_family_t(AF_INET)
        form.sin_port = address.port.bigEndian
        form.sin_addr.s_addr = UInt32(truncatingIfNeeded: address.ip.low).bigEndian
        return call(form)
    case .ipv6:
        var form = sockaddr_in6()
        form.sin6_family = sa_family_t(AF_INET6)
        form.sin6_port = address.port.bigEndian
        withUnsafeMutableBytes(of: &form.sin6_addr) {
            $0.storeBytes(of: address.ip.high.bigEndian, as: UInt64.self)
            $0.storeBytes(of: address.ip.low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        return call(form)
    }
}
