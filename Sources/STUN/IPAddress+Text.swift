/// Addresses as text: RFC 4291 section 2.2 is read, RFC 5952 is written.

extension IPAddress {
    /// The address written as `text`, or nil.
    ///
    /// IPv4 is four decimal numbers without leading zeros; IPv6 is what RFC 4291 section 2.2 allows, without a zone.
    public init?(_ text: some StringProtocol) {
        let parsed = text.utf8.contains(UInt8(ascii: ":")) ? Self.ipv6(text) : Self.ipv4(text)
        guard let parsed else { return nil }
        self = parsed
    }

    /// The address of a URI's host: IPv4, or IPv6 in brackets (RFC 3986 section 3.2.2).
    public init?(bracketed host: some StringProtocol) {
        let isIPv6 = host.hasPrefix("[") && host.hasSuffix("]")
        let digits = isIPv6 ? host.dropFirst().dropLast() : host[...]
        guard let address = IPAddress(digits), (address.family == .ipv6) == isIPv6 else {
            return nil
        }
        self = address
    }

    private static func ipv4(_ text: some StringProtocol) -> IPAddress? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            guard let byte = UInt8(decimal: part) else { return nil }
            value = value << 8 | UInt32(byte)
        }
        return IPAddress(ipv4: value)
    }

    private static func ipv6(_ text: some StringProtocol) -> IPAddress? {
        guard let gap = firstGap(in: text) else {
            guard let all = groups(text), all.count == 8 else { return nil }
            return IPAddress(groups: all)
        }
        guard let head = groups(text[..<gap.lowerBound], mayEndInIPv4: false),
            let tail = groups(text[gap.upperBound...]),
            head.count + tail.count < 8
        else { return nil }
        let zeros = [UInt16](repeating: 0, count: 8 - head.count - tail.count)
        return IPAddress(groups: head + zeros + tail)
    }

    /// Where the first `::` is; a second one fails later, as an empty group.
    private static func firstGap<Text: StringProtocol>(in text: Text) -> Range<Text.Index>? {
        var previous: Text.Index?
        for index in text.indices {
            guard text[index] == ":" else {
                previous = nil
                continue
            }
            if let previous { return previous..<text.index(after: index) }
            previous = index
        }
        return nil
    }

    /// The 16-bit groups of a part without `::`; the last may be an IPv4 address, which counts as two.
    private static func groups(
        _ text: some StringProtocol,
        mayEndInIPv4: Bool = true
    ) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 8 else { return nil }
        var result: [UInt16] = []
        for (index, part) in parts.enumerated() {
            if mayEndInIPv4, index == parts.count - 1, part.contains(".") {
                guard let embedded = ipv4(part) else { return nil }
                result.append(UInt16(truncatingIfNeeded: embedded.low >> 16))
                result.append(UInt16(truncatingIfNeeded: embedded.low))
            } else {
                guard let group = UInt16(hexadecimalGroup: part) else { return nil }
                result.append(group)
            }
        }
        return result.count <= 8 ? result : nil
    }

    private init(groups: [UInt16]) {
        let high = groups[..<4].reduce(0) { $0 << 16 | UInt64($1) }
        let low = groups[4...].reduce(0) { $0 << 16 | UInt64($1) }
        self.init(ipv6High: high, low: low)
    }
}

extension IPAddress: CustomStringConvertible {
    /// The address as RFC 5952 writes it: `192.0.2.1`, `2001:db8::1`, `::ffff:192.0.2.1`.
    public var description: String {
        switch family {
        case .ipv4: Self.dotted(UInt32(truncatingIfNeeded: low))
        case .ipv6 where canonical.family == .ipv4: "::ffff:\(canonical)"
        case .ipv6: Self.colons(high, low)
        }
    }

    private static func dotted(_ value: UInt32) -> String {
        "\(value >> 24).\(value >> 16 & 0xFF).\(value >> 8 & 0xFF).\(value & 0xFF)"
    }

    private static func colons(_ high: UInt64, _ low: UInt64) -> String {
        let groups = [high, low].flatMap { half in
            stride(from: 48, through: 0, by: -16).map { UInt16(truncatingIfNeeded: half >> $0) }
        }
        let text = groups.map { String($0, radix: 16) }
        guard let gap = longestZeros(groups) else { return text.joined(separator: ":") }
        return text[..<gap.lowerBound].joined(separator: ":") + "::"
            + text[gap.upperBound...].joined(separator: ":")
    }

    /// The first of the longest runs of two or more zero groups (RFC 5952 section 4.2).
    private static func longestZeros(_ groups: [UInt16]) -> Range<Int>? {
        var best = 0..<1
        var start = 0
        for (index, group) in groups.enumerated() {
            if group != 0 {
                start = index + 1
            } else if index + 1 - start > best.count {
                best = start..<index + 1
            }
        }
        return best.count > 1 ? best : nil
    }
}

extension TransportAddress: CustomStringConvertible {
    /// The address written as `192.0.2.1:3478` or `[2001:db8::1]:3478`, or nil.
    public init?(_ text: some StringProtocol) {
        guard let colon = text.lastIndex(of: ":"),
            let port = UInt16(decimal: text[text.index(after: colon)...])
        else { return nil }
        let host = text[..<colon]
        let isBracketed = host.first == "[" && host.last == "]"
        let inner = isBracketed ? host.dropFirst().dropLast() : host
        guard let ip = IPAddress(inner), (ip.family == .ipv6) == isBracketed else { return nil }
        self.init(ip: ip, port: port)
    }

    /// The address as `192.0.2.1:3478` or `[2001:db8::1]:3478` (RFC 5952 section 6).
    public var description: String {
        switch ip.family {
        case .ipv4: "\(ip):\(port)"
        case .ipv6: "[\(ip)]:\(port)"
        }
    }
}

extension FixedWidthInteger {
    /// A number in decimal digits alone: no sign, no leading zero.
    fileprivate init?(decimal text: some StringProtocol) {
        guard let first = text.utf8.first, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            first != UInt8(ascii: "0") || text.utf8.count == 1
        else { return nil }
        self.init(text, radix: 10)
    }
}

extension UInt16 {
    /// One to four hexadecimal digits.
    fileprivate init?(hexadecimalGroup text: some StringProtocol) {
        guard (1...4).contains(text.utf8.count), text.utf8.first != UInt8(ascii: "+") else {
            return nil
        }
        self.init(text, radix: 16)
    }
}
