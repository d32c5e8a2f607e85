/// Addresses of the simulated network, kept apart from the server's own types so that a mistake in
/// those cannot hide itself.

/// An IP address as its 4 or 16 network-order bytes.
struct Address: Hashable, Comparable, CustomStringConvertible {
    let high: UInt64
    let low: UInt64
    let isIPv6: Bool

    init(ipv4 value: UInt32) {
        (high, low, isIPv6) = (0, UInt64(value), false)
    }

    init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) {
        self.init(ipv4: UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d))
    }

    init(ipv6High high: UInt64, low: UInt64) {
        (self.high, self.low, isIPv6) = (high, low, true)
    }

    /// An IPv4 address that was written as `::ffff:a.b.c.d` is that IPv4 address.
    var canonical: Address {
        guard isIPv6, high == 0, low >> 32 == 0xFFFF else { return self }
        return Address(ipv4: UInt32(truncatingIfNeeded: low))
    }

    /// The `::ffff:a.b.c.d` form of an IPv4 address.
    var mapped: Address {
        isIPv6 ? self : Address(ipv6High: 0, low: 0xFFFF_0000_0000 | low)
    }

    /// The value of the family field of RFC 8489, 14.1.
    var familyCode: UInt8 { isIPv6 ? 2 : 1 }

    /// The address in network order.
    var bytes: [UInt8] {
        isIPv6 ? bigEndian(high) + bigEndian(low) : bigEndian(UInt32(truncatingIfNeeded: low))
    }

    static func < (left: Address, right: Address) -> Bool {
        (left.isIPv6 ? 1 : 0, left.high, left.low) < (right.isIPv6 ? 1 : 0, right.high, right.low)
    }

    var description: String {
        isIPv6
            ? "[\(String(high, radix: 16)):\(String(low, radix: 16))]"
            : bytes.map { "\($0)" }.joined(separator: ".")
    }
}

/// An address and a port.
struct Endpoint: Hashable, CustomStringConvertible {
    var address: Address
    var port: UInt16

    var description: String { "\(address):\(port)" }
}

/// The big-endian bytes of an integer.
func bigEndian<Value: FixedWidthInteger & UnsignedInteger>(_ value: Value) -> [UInt8] {
    var result = [UInt8]()
    var shift = Value.bitWidth
    while shift > 0 {
        shift -= 8
        result.append(UInt8(truncatingIfNeeded: value >> Value(shift)))
    }
    return result
}

/// The number that big-endian bytes spell.
func bigEndianNumber(_ bytes: some Sequence<UInt8>) -> UInt64 {
    bytes.reduce(0) { $0 << 8 | UInt64($1) }
}

/// Time of the simulation, in nanoseconds.
typealias Nanoseconds = UInt64

extension Nanoseconds {
    static func microseconds(_ count: Int) -> Nanoseconds { Nanoseconds(count) * 1000 }
    static func milliseconds(_ count: Int) -> Nanoseconds { Nanoseconds(count) * 1_000_000 }
    static func seconds(_ count: Int) -> Nanoseconds { Nanoseconds(count) * 1_000_000_000 }
}
