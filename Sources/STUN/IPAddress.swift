/// Addresses as the RFCs speak of them: an IP address, and the transport address it makes with a port.

/// An address family, with the values of RFC 8489 section 14.1.
public enum AddressFamily: UInt8, Sendable, BitwiseCopyable {
    /// IPv4, 32 bits.
    case ipv4 = 1
    /// IPv6, 128 bits.
    case ipv6 = 2

    /// The one that this is not.
    public var other: AddressFamily {
        switch self {
        case .ipv4: .ipv6
        case .ipv6: .ipv4
        }
    }
}

/// An IPv4 or IPv6 address, kept as a number in host order.
public struct IPAddress: Hashable, Sendable, BitwiseCopyable {
    /// Which of the two it is.
    public let family: AddressFamily
    /// The first 64 bits of an IPv6 address; 0 for IPv4.
    public let high: UInt64
    /// The last 64 bits of an IPv6 address; the 32 bits of an IPv4 address.
    public let low: UInt64

    /// An IPv4 address: 127.0.0.1 is 0x7F00_0001.
    public init(ipv4: UInt32) {
        family = .ipv4
        high = 0
        low = UInt64(ipv4)
    }

    /// An IPv6 address: ::1 is 0, 1.
    public init(ipv6High high: UInt64, low: UInt64) {
        family = .ipv6
        self.high = high
        self.low = low
    }

    /// The IPv4 address inside an IPv4-mapped one (`::ffff:a.b.c.d`, RFC 4291 2.5.5.2), else the address itself.
    ///
    /// Access rules look at this form, or a rule for 127.0.0.0/8 would let `::ffff:127.0.0.1` pass.
    public var canonical: IPAddress {
        guard family == .ipv6, high == 0, low >> 32 == 0xFFFF else { return self }
        return IPAddress(ipv4: UInt32(truncatingIfNeeded: low))
    }

    /// Whether only this machine can be reached by it: 127.0.0.0/8 and ::1 (RFC 6890 2.2).
    public var isLoopback: Bool {
        switch family {
        case .ipv4: low >> 24 == 127
        case .ipv6: high == 0 && low == 1
        }
    }
}

/// An IP address and a port.
public struct TransportAddress: Hashable, Sendable, BitwiseCopyable {
    /// The host.
    public var ip: IPAddress
    /// The port.
    public var port: UInt16

    /// The address `ip` with `port`.
    public init(ip: IPAddress, port: UInt16) {
        self.ip = ip
        self.port = port
    }
}

extension AddressFamily {
    /// IPv4, then IPv6: a sequence without memory of its own, which `allCases` would take from the heap.
    public static var both: AddressFamilies { AddressFamilies() }
}

/// The two families, one after the other.
public struct AddressFamilies: Sequence, IteratorProtocol, Sendable {
    private var upcoming: AddressFamily? = .ipv4

    /// The next one.
    public mutating func next() -> AddressFamily? {
        defer { upcoming = upcoming == .ipv4 ? .ipv6 : nil }
        return upcoming
    }
}
