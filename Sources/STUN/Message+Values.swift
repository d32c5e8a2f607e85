/// What attributes say: numbers, addresses, bytes. All of it is nil, never a trap, when the value is too short.

extension Message {
    /// The value of an attribute of this message, without padding.
    @_lifetime(copy self)
    public func value(of attribute: Attribute) -> RawSpan {
        bytes.extracting(attribute.offset..<attribute.offset + attribute.count)
    }

    /// The byte at `index` of the value.
    public func uint8(_ attribute: Attribute, at index: Int = 0) -> UInt8? {
        guard index >= 0, index < attribute.count else { return nil }
        return bytes.uint8(at: attribute.offset + index)
    }

    /// The 16-bit number at `index` of the value.
    public func uint16(_ attribute: Attribute, at index: Int = 0) -> UInt16? {
        guard index >= 0, index <= attribute.count - 2 else { return nil }
        return bytes.uint16(at: attribute.offset + index)
    }

    /// The 32-bit number at `index` of the value.
    public func uint32(_ attribute: Attribute, at index: Int = 0) -> UInt32? {
        guard index >= 0, index <= attribute.count - 4 else { return nil }
        return bytes.uint32(at: attribute.offset + index)
    }

    /// The 64-bit number at `index` of the value.
    public func uint64(_ attribute: Attribute, at index: Int = 0) -> UInt64? {
        guard index >= 0, index <= attribute.count - 8 else { return nil }
        return bytes.uint64(at: attribute.offset + index)
    }

    /// The address of a value that is XORed (RFC 8489 section 14.2); nil if malformed.
    ///
    /// It is not made canonical: see `IPAddress.canonical`.
    public func xorAddress(_ attribute: Attribute) -> TransportAddress? {
        address(attribute)?.xored(with: transactionID)
    }

    /// The address of a value that is not XORed (RFC 8489 section 14.1); nil if malformed.
    public func address(_ attribute: Attribute) -> TransportAddress? {
        guard attribute.count >= 8 else { return nil }
        let port = bytes.uint16(at: attribute.offset + 2)
        let host = attribute.offset + 4
        switch (AddressFamily(rawValue: bytes.uint8(at: attribute.offset + 1)), attribute.count) {
        case (.ipv4, 8):
            return TransportAddress(ip: IPAddress(ipv4: bytes.uint32(at: host)), port: port)
        case (.ipv6, 20):
            let ip = IPAddress(ipv6High: bytes.uint64(at: host), low: bytes.uint64(at: host + 8))
            return TransportAddress(ip: ip, port: port)
        case (.ipv4, _), (.ipv6, _), (nil, _):
            return nil
        }
    }

    /// The code of an ERROR-CODE value; nil if malformed.
    public func errorCode(_ attribute: Attribute) -> ErrorCode? {
        guard let word = uint32(attribute) else { return nil }
        let hundreds = UInt16(word >> 8 & 7)
        let rest = UInt16(word & 0xFF)
        guard (3...6).contains(hundreds), rest < 100 else { return nil }
        return ErrorCode(hundreds * 100 + rest)
    }
}

extension TransportAddress {
    /// The address XORed with cookie and transaction (RFC 8489 section 14.2); twice gives the address again.
    func xored(with transactionID: TransactionID) -> TransportAddress {
        let cookie = Message.magicCookie
        let port = port ^ UInt16(truncatingIfNeeded: cookie >> 16)
        switch ip.family {
        case .ipv4:
            let value = UInt32(truncatingIfNeeded: ip.low) ^ cookie
            return TransportAddress(ip: IPAddress(ipv4: value), port: port)
        case .ipv6:
            let mask = UInt64(cookie) << 32 | UInt64(transactionID.high)
            let ip = IPAddress(ipv6High: ip.high ^ mask, low: ip.low ^ transactionID.low)
            return TransportAddress(ip: ip, port: port)
        }
    }
}
