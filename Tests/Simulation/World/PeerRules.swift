/// Special-purpose addresses (IANA registries; RFC 8656, 21.4 asks not to relay to them), as the
/// reference model knows them.
enum PeerRules {
    /// Whether the server must not relay to this canonical address.
    static func isDenied(_ address: Address, allowsPrivatePeers: Bool) -> Bool {
        if allowsPrivatePeers && !address.isIPv6 && address.low >> 24 == 10 { return false }
        return isSpecialPurpose(address)
    }

    private static func isSpecialPurpose(_ address: Address) -> Bool {
        address.isIPv6 ? isDeniedIPv6(address) : isDeniedIPv4(address)
    }

    private static let ipv4: [(Address, Int)] = [
        (Address(0, 0, 0, 0), 8), (Address(10, 0, 0, 0), 8), (Address(100, 64, 0, 0), 10),
        (Address(127, 0, 0, 0), 8), (Address(169, 254, 0, 0), 16), (Address(172, 16, 0, 0), 12),
        (Address(192, 0, 0, 0), 24), (Address(192, 0, 2, 0), 24), (Address(192, 88, 99, 0), 24),
        (Address(192, 168, 0, 0), 16), (Address(198, 18, 0, 0), 15),
        (Address(198, 51, 100, 0), 24), (Address(203, 0, 113, 0), 24), (Address(224, 0, 0, 0), 4),
        (Address(240, 0, 0, 0), 4),
    ]

    private static let ipv6: [(UInt64, Int)] = [
        (0x0064_FF9B_0001_0000, 48), (0x0100_0000_0000_0000, 64), (0x2001_0000_0000_0000, 32),
        (0x2001_0DB8_0000_0000, 32), (0x2002_0000_0000_0000, 16), (0xFC00_0000_0000_0000, 7),
        (0xFE80_0000_0000_0000, 10), (0xFEC0_0000_0000_0000, 10), (0xFF00_0000_0000_0000, 8),
    ]

    private static func isDeniedIPv4(_ address: Address) -> Bool {
        ipv4.contains { (address.low ^ $0.low) >> UInt64(32 - $1) == 0 }
    }

    private static func isDeniedIPv6(_ address: Address) -> Bool {
        if address.high == 0 && address.low >> 32 == 0 { return true }
        if address.high == 0x0064_FF9B_0000_0000 && address.low >> 32 == 0 { return true }
        return ipv6.contains { (address.high ^ $0) >> UInt64(64 - $1) == 0 }
    }
}
