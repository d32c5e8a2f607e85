/// Address prefixes in the notation of RFC 4632 and RFC 4291 2.3: `10.0.0.0/8`, `fc00::/7`.
public import STUN

/// A block of addresses of one family.
public struct AddressPrefix: Hashable, Sendable, BitwiseCopyable {
    /// The first address of the block.
    public let address: IPAddress

    /// The leading bits that all addresses of the block share: 0...32 or 0...128.
    public let length: Int

    /// The block of the addresses that share their first `length` bits with `address`.
    ///
    /// A block within the IPv4-mapped addresses (`::ffff:10.0.0.0/104`) is the IPv4 block it maps: policy only
    /// ever sees canonical addresses. For the same reason the whole of them, `::ffff:0:0/96`, holds nothing;
    /// lists often name it, and mean the encoding, not the whole of IPv4.
    /// Nil when `length` is out of range.
    public init?(_ address: IPAddress, length: Int) {
        guard (0...AddressPrefix.bits(of: address.family)).contains(length) else { return nil }
        let isMapped = address.canonical.family != address.family && length > 96
        let address = isMapped ? address.canonical : address
        let length = isMapped ? length - 96 : length
        self.address = address.masked(to: length)
        self.length = length
    }

    /// The block written as `text`: an address, and a slash and a length unless it is a single address.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(first) else { return nil }
        guard parts.count == 2 else {
            self.init(address, length: AddressPrefix.bits(of: address.family))
            return
        }
        let isDecimal = parts[1].utf8.allSatisfy {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
        }
        guard isDecimal, let length = Int(parts[1]) else { return nil }
        self.init(address, length: length)
    }

    /// The block in the notation it is read in.
    public var description: String { "\(address.description)/\(length)" }

    /// Whether `other`, in canonical form, lies in the block.
    public func contains(_ other: IPAddress) -> Bool {
        let canonical = other.canonical
        return canonical.family == address.family && canonical.masked(to: length) == address
    }

    private static func bits(of family: AddressFamily) -> Int {
        switch family {
        case .ipv4: 32
        case .ipv6: 128
        }
    }
}

extension IPAddress {
    /// The address with all but its first `length` bits zero; `length` is one its family allows.
    func masked(to length: Int) -> IPAddress {
        switch family {
        case .ipv4:
            // Shifting by the whole width gives zero, so length 32 keeps every bit.
            return IPAddress(ipv4: UInt32(truncatingIfNeeded: low) & ~(UInt32.max >> length))
        case .ipv6:
            let highMask = ~(UInt64.max >> length)
            let lowMask = length <= 64 ? 0 : ~(UInt64.max >> (length - 64))
            return IPAddress(ipv6High: high & highMask, low: low & lowMask)
        }
    }
}
