/// The machine's own addresses: which there are, and which of them leads out.

import Glibc
import STUN

extension IPAddress {
    /// True for 0.0.0.0 and ::, which stand for every address of the machine.
    var isWildcard: Bool { high == 0 && low == 0 }

    /// True for fe80::/10, which is no address without an interface beside it.
    var isIPv6LinkLocal: Bool { family == .ipv6 && high >> 54 == 0xFE80 >> 6 }

    /// The address in the kernel's form, nil for other families than IPv4 and IPv6.
    init?(_ pointer: UnsafePointer<sockaddr>) {
        let raw = UnsafeRawPointer(pointer)
        switch Int32(pointer.pointee.sa_family) {
        case AF_INET:
            let address = raw.loadUnaligned(as: sockaddr_in.self)
            self.init(ipv4: UInt32(bigEndian: address.sin_addr.s_addr))
        case AF_INET6:
            let address = raw.loadUnaligned(as: sockaddr_in6.self)
            let words = withUnsafeBytes(of: address.sin6_addr) { bytes in
                [0, 8].map { bytes.loadUnaligned(fromByteOffset: $0, as: UInt64.self) }
            }
            self.init(
                ipv6High: UInt64(bigEndian: words[0]),
                low: UInt64(bigEndian: words[1])
            )
        default:
            return nil
        }
    }
}

/// What the kernel says about the machine's network.
enum NetworkInterfaces {
    /// Every address of an interface that is up, but link-local IPv6 ones.
    static func addresses() -> [IPAddress] {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&first) == 0 else { return [] }
        defer { freeifaddrs(first) }
        var found: [IPAddress] = []
        var next = first
        while let interface = next {
            next = interface.pointee.ifa_next
            guard interface.pointee.ifa_flags & UInt32(IFF_UP) != 0,
                let pointer = interface.pointee.ifa_addr, let address = IPAddress(pointer),
                !address.isIPv6LinkLocal, !found.contains(address)
            else { continue }
            found.append(address)
        }
        return found
    }

    /// The machine's address on the way to the Internet; nil without a route.
    ///
    /// Connecting a datagram socket asks the routing table and sends nothing. The destination is an address for
    /// documentation (RFC 5737, RFC 3849).
    static func addressTowardsInternet(_ family: AddressFamily) -> IPAddress? {
        let destination: IPAddress
        switch family {
        case .ipv4: destination = IPAddress(ipv4: 0xC000_0201)
        case .ipv6: destination = IPAddress(ipv6High: 0x2001_0DB8_0000_0000, low: 1)
        }
        guard let probe = try? ProbeSocket(family) else { return nil }
        return probe.source(towards: TransportAddress(ip: destination, port: 9))
    }
}
