/// A STUN message as the simulated clients and the reference model read it: slow, plain, and written
/// from RFC 8489 and not from the server's code.
struct WireMessage {
    /// One attribute: its type, where its value starts in the message, and the value.
    struct Attribute {
        let type: UInt16
        let offset: Int
        let value: ArraySlice<UInt8>
    }

    let method: UInt16
    let messageClass: WireClass
    /// The 12 bytes after the cookie.
    let transaction: [UInt8]
    /// All attributes in order, those that must be ignored included.
    let attributes: [Attribute]
    let bytes: [UInt8]

    /// Nil for what is no STUN message: RFC 8489, 6.3.
    init?(_ bytes: [UInt8]) {
        guard bytes.count >= 20, bytes[0] & 0xC0 == 0, Array(bytes[4..<8]) == magicCookie else {
            return nil
        }
        let length = Int(bytes[2]) << 8 | Int(bytes[3])
        guard length % 4 == 0, length == bytes.count - 20 else { return nil }
        let type = UInt16(bytes[0]) << 8 | UInt16(bytes[1])
        method = (type & 0xF) | (type & 0xE0) >> 1 | (type & 0x3E00) >> 2
        guard let found = WireClass(rawValue: (type & 0x10) >> 4 | (type & 0x100) >> 7) else {
            return nil
        }
        messageClass = found
        transaction = Array(bytes[8..<20])
        guard let attributes = Self.attributes(of: bytes) else { return nil }
        self.attributes = attributes
        self.bytes = bytes
    }

    private static func attributes(of bytes: [UInt8]) -> [Attribute]? {
        var result: [Attribute] = []
        var offset = 20
        while offset < bytes.count {
            guard offset + 4 <= bytes.count else { return nil }
            let type = UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1])
            let count = Int(bytes[offset + 2]) << 8 | Int(bytes[offset + 3])
            let end = offset + 4 + count
            guard end <= bytes.count, end + (4 - count % 4) % 4 <= bytes.count else { return nil }
            result.append(Attribute(type: type, offset: offset + 4, value: bytes[offset + 4..<end]))
            offset = end + (4 - count % 4) % 4
        }
        return result
    }

    /// The attributes a receiver may look at: RFC 8489, 14.5 to 14.7.
    var visible: [Attribute] {
        var result: [Attribute] = []
        var stage = 0
        for attribute in attributes {
            let rank =
                switch attribute.type {
                case WireType.messageIntegrity: 1
                case WireType.messageIntegritySHA256: 2
                case WireType.fingerprint: 3
                default: 0
                }
            guard rank > stage || (rank == 0 && stage == 0) else { continue }
            stage = max(stage, rank)
            result.append(attribute)
        }
        return result
    }

    /// The first visible attribute of a type: the others are ignored (RFC 8489, 14).
    func first(_ type: UInt16) -> Attribute? { visible.first { $0.type == type } }

    /// The value of the first visible attribute of a type.
    func value(_ type: UInt16) -> [UInt8]? { first(type).map { Array($0.value) } }

    /// A value of exactly `count` bytes, as a number.
    func number(_ type: UInt16, count: Int) -> UInt64? {
        guard let value = first(type)?.value, value.count == count else { return nil }
        return bigEndianNumber(value)
    }

    /// The code of an ERROR-CODE attribute (RFC 8489, 14.8).
    var errorCode: Int? {
        guard let value = value(WireType.errorCode), value.count >= 4 else { return nil }
        return Int(value[2] & 7) * 100 + Int(value[3])
    }

    /// An XOR-…-ADDRESS value (RFC 8489, 14.2); nil when it is malformed.
    func xorAddress(_ attribute: Attribute) -> Endpoint? {
        let value = Array(attribute.value)
        guard value.count >= 4 else { return nil }
        let port = UInt16(value[2]) << 8 | UInt16(value[3]) ^ 0x2112
        let mask = magicCookie + transaction
        let plain = zip(value[4...], mask).map { $0 ^ $1 }
        switch (value[1], value.count) {
        case (1, 8):
            let address = Address(ipv4: UInt32(bigEndianNumber(plain)))
            return Endpoint(address: address, port: port)
        case (2, 20):
            let address = Address(
                ipv6High: bigEndianNumber(plain[0..<8]),
                low: bigEndianNumber(plain[8...])
            )
            return Endpoint(address: address, port: port)
        default: return nil
        }
    }

    /// The addresses in the attributes of a type that are not XORed (RFC 8489, 14.1).
    func plainAddresses(_ type: UInt16) -> [Endpoint] {
        visible.filter { $0.type == type }.compactMap { attribute in
            let value = Array(attribute.value)
            guard value.count == 8 || value.count == 20 else { return nil }
            let port = UInt16(value[2]) << 8 | UInt16(value[3])
            let isIPv6 = value[1] == 2
            guard value.count == (isIPv6 ? 20 : 8) else { return nil }
            let address =
                isIPv6
                ? Address(
                    ipv6High: bigEndianNumber(value[4..<12]),
                    low: bigEndianNumber(value[12...])
                ) : Address(ipv4: UInt32(bigEndianNumber(value[4...])))
            return Endpoint(address: address, port: port)
        }
    }

    /// The first address attribute of a type.
    func xorAddress(_ type: UInt16) -> Endpoint? { first(type).flatMap(xorAddress) }

    /// Whether the message's integrity attribute of this kind was made with the key; nil without one.
    func integrity(_ kind: IntegrityHash, key: [UInt8]) -> Bool? {
        guard let attribute = first(kind.type) else { return nil }
        let count = attribute.value.count
        guard kind == .sha1 ? count == 20 : count >= 16 && count <= 32 && count % 4 == 0 else {
            return false
        }
        var covered = Array(bytes[..<(attribute.offset - 4)])
        setLength(of: &covered, to: attribute.offset + count - 20)
        return kind.code(key: key, of: covered).prefix(count).elementsEqual(attribute.value)
    }

    /// Whether a FINGERPRINT is there and right (RFC 8489, 14.7); nil without one.
    var fingerprint: Bool? {
        guard let attribute = attributes.last, attribute.type == WireType.fingerprint else {
            return attributes.contains { $0.type == WireType.fingerprint } ? false : nil
        }
        let checksum = crc32(bytes[..<(attribute.offset - 4)]) ^ 0x5354_554E
        return attribute.value.elementsEqual(bigEndian(checksum))
    }
}

/// Writes the length field of a message header.
func setLength(of bytes: inout [UInt8], to length: Int) {
    bytes[2] = UInt8(truncatingIfNeeded: length >> 8)
    bytes[3] = UInt8(truncatingIfNeeded: length)
}
