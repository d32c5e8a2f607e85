/// The header of the PROXY protocol, versions 1 and 2, that a load balancer puts before a connection's first byte to say who
/// the client is (HAProxy's proxy-protocol.txt).
///
/// Only for listeners and sources that are configured to send it: whoever may send it may claim any address. Whatever
/// comes, parsing ends in one of the cases; it allocates at most for the text of a version 1 address.

internal import STUN

/// What the first bytes of a connection are.
enum ProxyHeader: Equatable {
    /// The header is not complete.
    case needsMore
    /// The client's address, and the bytes of the header.
    case source(TransportAddress, count: Int)
    /// The proxy speaks for itself or does not know the client (LOCAL, UNKNOWN, a family that is not IP): the connection's
    /// own address holds. With the bytes of the header.
    case local(count: Int)
    /// No header, or a broken one: the connection is to be closed.
    case invalid

    /// The longest line of version 1, its end included (section 2.1).
    static let longestLine = 107
    /// The longest header of version 2: what fits a segment of any path (section 2.2).
    static let longestHeader = 536

    /// Looks at the first bytes of a connection.
    init(_ bytes: RawSpan) {
        self =
            if Self.begins(bytes, with: "PROXY ") {
                Self.line(bytes)
            } else if Self.begins(bytes, with: "\r\n\r\n\0\r\nQUIT\n") {
                Self.binary(bytes)
            } else {
                .invalid
            }
    }

    /// Whether the bytes begin with a signature, as far as they go.
    private static func begins(_ bytes: RawSpan, with signature: String) -> Bool {
        for (index, byte) in signature.utf8.enumerated() where index < bytes.byteCount {
            if bytes.uint8(at: index) != byte { return false }
        }
        return true
    }
}

// MARK: - Version 2

extension ProxyHeader {
    /// Bytes before the addresses: signature, version and command, family and protocol, length.
    private static let prefix = 16

    private static func binary(_ bytes: RawSpan) -> ProxyHeader {
        guard bytes.byteCount >= prefix else { return .needsMore }
        let (command, family) = (bytes.uint8(at: 12), bytes.uint8(at: 13))
        let count = prefix + Int(bytes.uint16(at: 14))
        guard command >> 4 == 2, command & 15 <= 1, family >> 4 <= 3, family & 15 <= 2,
            count <= longestHeader
        else { return .invalid }
        guard bytes.byteCount >= count else { return .needsMore }
        guard command & 15 == 1, family & 15 != 0 else { return .local(count: count) }
        switch family >> 4 {
        case 1:
            guard count >= prefix + 12 else { return .invalid }
            let ip = IPAddress(ipv4: bytes.uint32(at: 16))
            return .source(TransportAddress(ip: ip, port: bytes.uint16(at: 24)), count: count)
        case 2:
            guard count >= prefix + 36 else { return .invalid }
            let ip = IPAddress(ipv6High: bytes.uint64(at: 16), low: bytes.uint64(at: 24))
            let port = bytes.uint16(at: 48)
            return .source(TransportAddress(ip: ip.canonical, port: port), count: count)
        default: return .local(count: count)
        }
    }
}

// MARK: - Version 1

extension ProxyHeader {
    private static func line(_ bytes: RawSpan) -> ProxyHeader {
        let searched = min(bytes.byteCount, longestLine)
        for index in 0..<searched where bytes.uint8(at: index) == UInt8(ascii: "\r") {
            guard index + 1 < searched else { break }
            guard bytes.uint8(at: index + 1) == UInt8(ascii: "\n") else { return .invalid }
            return fields(of: text(bytes, 0..<index), count: index + 2)
        }
        return bytes.byteCount < longestLine ? .needsMore : .invalid
    }

    /// `PROXY TCP4 SOURCE DESTINATION SOURCE-PORT DESTINATION-PORT`, or `PROXY UNKNOWN` and anything.
    private static func fields(of line: String, count: Int) -> ProxyHeader {
        let fields = line.split(separator: " ", omittingEmptySubsequences: false)
        guard fields.count >= 2 else { return .invalid }
        if fields[1] == "UNKNOWN" { return .local(count: count) }
        guard fields.count == 6,
            let family = fields[1] == "TCP4"
                ? AddressFamily.ipv4 : fields[1] == "TCP6" ? .ipv6 : nil,
            let source = IPAddress(fields[2]), source.family == family,
            let destination = IPAddress(fields[3]), destination.family == family,
            let port = port(fields[4]), self.port(fields[5]) != nil
        else { return .invalid }
        return .source(TransportAddress(ip: source.canonical, port: port), count: count)
    }

    /// A port in decimal digits alone, without leading zeros.
    private static func port(_ text: Substring) -> UInt16? {
        guard text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }),
            text.utf8.first != UInt8(ascii: "0") || text.utf8.count == 1
        else { return nil }
        return UInt16(text)
    }

    private static func text(_ bytes: RawSpan, _ range: Range<Int>) -> String {
        String(decoding: range.map { bytes.uint8(at: $0) }, as: UTF8.self)
    }
}

// MARK: - Writing

extension ProxyHeader {
    /// Writes a header of version 2 for a client of ours, with the kind of its connection (section 2.2.6): PP2_TYPE_SSL.
    ///
    /// The address that it connected to is left out: who is told knows its own.
    ///
    /// - Returns: its bytes, at most 60.
    static func write(
        _ client: TransportAddress,
        isEncrypted: Bool,
        in bytes: inout MutableRawSpan
    ) -> Int {
        let ip = client.ip.canonical
        let addresses = ip.family == .ipv4 ? 12 : 36
        for (index, byte) in "\r\n\r\n\0\r\nQUIT\n".utf8.enumerated() {
            bytes.store(byte, at: index)
        }
        bytes.store(UInt16(ip.family == .ipv4 ? 0x2111 : 0x2121), at: 12)
        let end = prefix + addresses
        for index in prefix..<end { bytes.store(UInt8(0), at: index) }
        switch ip.family {
        case .ipv4: bytes.store(UInt32(truncatingIfNeeded: ip.low), at: prefix)
        case .ipv6:
            bytes.store(ip.high, at: prefix)
            bytes.store(ip.low, at: prefix + 8)
        }
        bytes.store(client.port, at: end - 4)
        guard isEncrypted else {
            bytes.store(UInt16(truncatingIfNeeded: addresses), at: 14)
            return end
        }
        bytes.store(UInt16(truncatingIfNeeded: addresses + 8), at: 14)
        bytes.store(UInt8(0x20), at: end)
        bytes.store(UInt16(5), at: end + 1)
        // Over TLS, without a certificate of the client's.
        bytes.store(UInt8(1), at: end + 3)
        bytes.store(UInt32(1), at: end + 4)
        return end + 8
    }
}
