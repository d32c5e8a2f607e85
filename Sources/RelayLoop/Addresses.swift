/// Where the RFC's transport addresses and the kernel's socket addresses meet.

internal import IOURing
internal import STUN

extension TransportAddress {
    /// The address the kernel names as a datagram's source.
    init(_ address: SocketAddress) {
        switch address.family {
        case .ipv4:
            self.init(
                ip: IPAddress(ipv4: UInt32(truncatingIfNeeded: address.low)),
                port: address.port
            )
        case .ipv6:
            self.init(ip: IPAddress(ipv6High: address.high, low: address.low), port: address.port)
        }
    }
}

extension SocketAddress {
    /// The address in the kernel's form, to send to or to bind.
    init(_ address: TransportAddress) {
        switch address.ip.family {
        case .ipv4: self.init(ipv4: UInt32(truncatingIfNeeded: address.ip.low), port: address.port)
        case .ipv6: self.init(ipv6High: address.ip.high, low: address.ip.low, port: address.port)
        }
    }
}
