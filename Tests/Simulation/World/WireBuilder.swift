/// Builds a STUN message byte by byte, also one that is wrong on purpose.
struct WireBuilder {
    private(set) var bytes: [UInt8]
    private let transaction: [UInt8]

    init(_ method: UInt16, _ messageClass: WireClass, transaction: [UInt8]) {
        bytes = bigEndian(messageType(method, messageClass)) + [0, 0] + magicCookie + transaction
        self.transaction = transaction
    }

    mutating func append(_ type: UInt16, _ value: [UInt8], padding: UInt8 = 0) {
        bytes += bigEndian(type) + bigEndian(UInt16(truncatingIfNeeded: value.count)) + value
        while bytes.count % 4 != 0 { bytes.append(padding) }
        setLength(of: &bytes, to: bytes.count - 20)
    }

    mutating func append(_ type: UInt16, text: String) { append(type, Array(text.utf8)) }

    /// An XOR-…-ADDRESS (RFC 8489, 14.2).
    mutating func append(_ type: UInt16, xor endpoint: Endpoint) {
        let mask = magicCookie + transaction
        let address = zip(endpoint.address.bytes, mask).map { $0 ^ $1 }
        append(
            type,
            [0, endpoint.address.familyCode] + bigEndian(endpoint.port ^ 0x2112) + address
        )
    }

    /// MESSAGE-INTEGRITY or its SHA-256 sibling over everything so far (RFC 8489, 14.5 and 14.6).
    mutating func appendIntegrity(_ kind: IntegrityHash, key: [UInt8], count: Int? = nil) {
        let count = count ?? kind.count
        var covered = bytes
        setLength(of: &covered, to: bytes.count - 20 + 4 + count)
        append(kind.type, Array(kind.code(key: key, of: covered).prefix(count)))
    }

    mutating func appendFingerprint() {
        var covered = bytes
        setLength(of: &covered, to: bytes.count - 20 + 8)
        append(WireType.fingerprint, bigEndian(crc32(covered[...]) ^ 0x5354_554E))
    }
}

/// A ChannelData message (RFC 8656, 12.4), padded when asked.
func channelData(_ channel: UInt16, _ payload: [UInt8], padded: Bool) -> [UInt8] {
    var bytes = bigEndian(channel) + bigEndian(UInt16(truncatingIfNeeded: payload.count)) + payload
    while padded, bytes.count % 4 != 0 { bytes.append(0) }
    return bytes
}

private let crcTable: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in
        value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1
    }
}

/// The CRC-32 of ITU V.42, as FINGERPRINT uses it.
func crc32(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    ~bytes.reduce(~0) { crcTable[Int(($0 ^ UInt32($1)) & 0xFF)] ^ $0 >> 8 }
}
