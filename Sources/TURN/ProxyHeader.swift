/// The header of the PROXY protocol, versions 1 and 2, that a load balancer puts before a connection's first byte to say who
/// the client is (HAProxy's proxy-protocol.txt).
///
/// Only for listeners and sources that are configured to send it: whoever may send it may claim any address. Whatever
/// comes, parsing ends in one of the cases; it allocates at most for the text of a version 1 address.

public import STUN

/// What the first bytes of a connection are.
public enum ProxyHeader: Equatable {
    /// The header is not complete.
    case needsMore
    /// The client's address, the bytes of the header, and whether the client speaks TLS with the proxy.
    case source(TransportAddress, count: Int, isEncrypted: Bool = false)
    /// The proxy speaks for itself or does not know the client (LOCAL, UNKNOWN, a family that is not IP): the connection's
    /// own address holds. With the bytes of the header.
    case local(count: Int)
    /// The bytes begin no header.
    case absent
    /// The header is broken: the connection is to be closed.
    case invalid

    /// The longest line of version 1, its end included (section 2.1).
    static let longestLine = 107
    /// The longest header of version 2: what fits a segment of any path (section 2.2).
    public static let longestHeader = 536
    /// What a header of version 2 begins with.
    public static let signature = "\r\n\r\n\0\r\nQUIT\n"

    /// Looks at the first bytes of a connection.
    public init(_ bytes: RawSpan) {
        self =
            if Self.begins(bytes, with: "PROXY ") {
                Self.line(bytes)
            } else if Self.begins(bytes, with: Self.signature) {
                Self.binary(bytes)
            } else {
                .absent
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
    public static let prefix = 16
    /// A field that tells of TLS (PP2_TYPE_SSL), and the bit that says that the client speaks it (section 2.2.6).
    private static let tlsField: UInt8 = 0x20, tlsBit: UInt8 = 1

    private static func binary(_ bytes: RawSpan) -> ProxyHeader {
        guard bytes.byteCount >= prefix else { return .needsMore }
        let (command, family) = (bytes.uint8(at: 12), bytes.uint8(at: 13))
        let count = prefix + Int(bytes.uint16(at: 14))
        guard command >> 4 == 2, command & 15 <= 1, family >> 4 <= 3, family & 15 <= 2,
            count <= longestHeader
        else { return .invalid }
        guard bytes.byteCount >= count else { return .needsMore }
        guard command & 15 == 1, family & 15 != 0 else { return .local(count: count) }
        let ip: IPAddress
        let fields: Int
        switch family >> 4 {
        case 1:
            fields = prefix + 12
            guard count >= fields else { return .invalid }
            ip = IPAddress(ipv4: bytes.uint32(at: prefix))
        case 2:
            fields = prefix + 36
            guard count >= fields else { return .invalid }
            ip = IPAddress(ipv6High: bytes.uint64(at: prefix), low: bytes.uint64(at: prefix + 8))
        default: return .local(count: count)
        }
        let source = TransportAddress(ip: ip.canonical, port: bytes.uint16(at: fields - 4))
        let isEncrypted = speaksTLS(bytes, fields..<count)
        return .source(source, count: count, isEncrypted: isEncrypted)
    }

    /// Whether the fields behind the addresses say so.
    private static func speaksTLS(_ bytes: RawSpan, _ fields: Range<Int>) -> Bool {
        var start = fields.lowerBound
        while start + 3 < fields.upperBound {
            let next = start + 3 + Int(bytes.uint16(at: start + 1))
            if bytes.uint8(at: start) == tlsField, next > start + 3, next <= fields.upperBound {
                return bytes.uint8(at: start + 3) & tlsBit != 0
            }
            start = next
        }
        return false
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
