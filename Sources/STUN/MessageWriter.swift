/// Writes a STUN message into bytes of the caller.

/// A message being written; the header's length is right after each append, padding is zero.
///
/// What does not fit is left out and remembered: `finish()` is nil then. Nothing traps, whatever is appended.
public struct MessageWriter: ~Copyable, ~Escapable {
    private var bytes: MutableRawSpan
    private let transactionID: TransactionID
    private var position = Message.headerCount
    /// Whether something did not fit.
    public private(set) var overflowed = false

    /// Starts a message at the first of `bytes`.
    @_lifetime(&bytes)
    public init(
        into bytes: inout MutableRawSpan,
        type: MessageType,
        transactionID: TransactionID
    ) {
        self.bytes = bytes._mutatingExtracting(0..<bytes.byteCount)
        self.transactionID = transactionID
        guard self.bytes.byteCount >= Message.headerCount else {
            overflowed = true
            return
        }
        self.bytes.store(type.rawValue, at: 0)
        self.bytes.store(UInt16(0), at: 2)
        self.bytes.store(Message.magicCookie, at: 4)
        self.bytes.store(transactionID.high, at: 8)
        self.bytes.store(transactionID.low, at: 12)
    }

    /// The bytes of the message; nil if something did not fit.
    public consuming func finish() -> Int? { overflowed ? nil : position }

    /// Appends the header of a last attribute whose `count` bytes of value the caller keeps behind this message.
    ///
    /// The message's length counts the value and its padding. Returns the bytes written: the value starts behind them.
    @_lifetime(self: copy self)
    public mutating func finish(trailing type: AttributeType, count: Int) -> Int? {
        let value = position + 4
        let end = value + Message.paddedCount(UInt16(clamping: count))
        guard !overflowed, (0...0xFFFF).contains(count), value <= bytes.byteCount,
            let length = UInt16(exactly: end - Message.headerCount)
        else { return nil }
        writeHeader(type, count: count, at: position)
        bytes.store(length, at: 2)
        position = value
        return value
    }

    /// Makes room for an attribute of `count` bytes, with header and zero padding; nil if it does not fit.
    @_lifetime(self: copy self)
    private mutating func reserve(_ type: AttributeType, count: Int) -> Int? {
        let value = position + 4
        let end = value + Message.paddedCount(UInt16(clamping: count))
        guard !overflowed, count <= 0xFFFF, end <= bytes.byteCount,
            let length = UInt16(exactly: end - Message.headerCount)
        else {
            overflowed = true
            return nil
        }
        writeHeader(type, count: count, at: position)
        for offset in value + count..<end { bytes.store(UInt8(0), at: offset) }
        position = end
        bytes.store(length, at: 2)
        return value
    }

    @_lifetime(self: copy self)
    private mutating func writeHeader(_ type: AttributeType, count: Int, at offset: Int) {
        bytes.store(UInt32(type.rawValue) << 16 | UInt32(truncatingIfNeeded: count), at: offset)
    }
}

extension MessageWriter {
    /// Appends an attribute without a value.
    @_lifetime(self: copy self)
    public mutating func append(_ type: AttributeType) {
        _ = reserve(type, count: 0)
    }

    /// Appends one byte.
    @_lifetime(self: copy self)
    public mutating func append(_ type: AttributeType, uint8 value: UInt8) {
        guard let offset = reserve(type, count: 1) else { return }
        bytes.store(value, at: offset)
    }

    /// Appends a 16-bit number.
    @_lifetime(self: copy self)
    public mutating func append(_ type: AttributeType, uint16 value: UInt16) {
        guard let offset = reserve(type, count: 2) else { return }
        bytes.store(value, at: offset)
    }

    /// Appends a 32-bit number.
    @_lifetime(self: copy self)
    public mutating func append(_ type: AttributeType, uint32 value: UInt32) {
        guard let offset = reserve(type, count: 4) else { return }
        bytes.store(value, at: offset)
    }

    /// Appends a 64-bit number.
    @_lifetime(self: copy self)
    public mutating func append(_ type: AttributeType, uint64 value: UInt64) {
        guard let offset = reserve(type, count: 8) else { return }
        bytes.store(value, at: offset)
    }

    /// Appends bytes.
    @_lifetime(self: copy self)
    public mutating func append(_ type: AttributeType, bytes value: RawSpan) {
        guard let offset = reserve(type, count: value.byteCount) else { return }
        copy(value, to: offset)
    }

    /// Appends bytes.
    @_lifetime(self: copy self)
    public mutating func append(_ type: AttributeType, bytes value: [UInt8]) {
        append(type, bytes: value.span.rawBytes)
    }

    /// Appends zeros.
    @_lifetime(self: copy self)
    public mutating func append(_ type: AttributeType, zeros count: Int) {
        guard let offset = reserve(type, count: count) else { return }
        for index in 0..<count { bytes.store(UInt8(0), at: offset + index) }
    }

    /// Appends text.
    @_lifetime(self: copy self)
    public mutating func append(_ type: AttributeType, text: StaticString) {
        append(type, bytes: text.utf8)
    }

    /// Appends an address, XORed (RFC 8489 section 14.2).
    @_lifetime(self: copy self)
    public mutating func append(_ type: AttributeType, xorAddress address: TransportAddress) {
        append(type, address: address.xored(with: transactionID))
    }

    /// Appends an address as it is (RFC 8489 section 14.1).
    @_lifetime(self: copy self)
    public mutating func append(_ type: AttributeType, address: TransportAddress) {
        let family = address.ip.family
        guard let offset = reserve(type, count: family == .ipv4 ? 8 : 20) else { return }
        bytes.store(UInt16(family.rawValue), at: offset)
        bytes.store(address.port, at: offset + 2)
        switch family {
        case .ipv4:
            bytes.store(UInt32(truncatingIfNeeded: address.ip.low), at: offset + 4)
        case .ipv6:
            bytes.store(address.ip.high, at: offset + 4)
            bytes.store(address.ip.low, at: offset + 12)
        }
    }

    /// Appends ERROR-CODE; an empty reason makes the smallest answer.
    @_lifetime(self: copy self)
    public mutating func appendErrorCode(_ code: ErrorCode, reason: StaticString = "") {
        let text = reason.utf8
        guard let offset = reserve(.errorCode, count: 4 + text.byteCount) else { return }
        bytes.store(code.wireValue, at: offset)
        copy(text, to: offset + 4)
    }

    /// Appends UNKNOWN-ATTRIBUTES.
    @_lifetime(self: copy self)
    public mutating func appendUnknownAttributes(_ unknown: borrowing UnknownAttributes) {
        guard let offset = reserve(.unknownAttributes, count: 2 * unknown.count) else { return }
        for index in 0..<unknown.count {
            bytes.store(unknown[index].rawValue, at: offset + 2 * index)
        }
    }

    /// Appends MESSAGE-INTEGRITY or MESSAGE-INTEGRITY-SHA256 over what is written so far.
    @_lifetime(self: copy self)
    public mutating func appendIntegrity(_ kind: IntegrityKind, key: borrowing IntegrityKey) {
        switch kind {
        case .sha1:
            guard let offset = reserve(.messageIntegrity, count: 20) else { return }
            let digest = hmacSHA1(key: key.bytes, bytes.bytes.extracting(0..<offset - 4))
            copy(digest.bytes, to: offset)
        case .sha256:
            guard let offset = reserve(.messageIntegritySHA256, count: 32) else { return }
            let digest = hmacSHA256(key: key.bytes, bytes.bytes.extracting(0..<offset - 4))
            copy(digest.bytes, to: offset)
        }
    }

    /// Appends FINGERPRINT; nothing may follow it.
    @_lifetime(self: copy self)
    public mutating func appendFingerprint() {
        guard let offset = reserve(.fingerprint, count: 4) else { return }
        bytes.store(fingerprint(of: bytes.bytes.extracting(0..<offset - 4)), at: offset)
    }

    @_lifetime(self: copy self)
    private mutating func copy(_ value: RawSpan, to offset: Int) {
        var index = 0
        // Eight at a time while there are eight; swapping twice keeps their order.
        while index + 8 <= value.byteCount {
            bytes.store(value.uint64(at: index), at: offset + index)
            index += 8
        }
        while index < value.byteCount {
            bytes.store(value.uint8(at: index), at: offset + index)
            index += 1
        }
    }
}

extension StaticString {
    /// The UTF-8 of the literal.
    fileprivate var utf8: RawSpan {
        @_lifetime(immortal) get {
            // A literal lives as long as the program, and has this many bytes.
            let bytes = unsafe RawSpan(_unsafeStart: utf8Start, byteCount: utf8CodeUnitCount)
            // For the same reason the span depends on nothing.
            return unsafe _overrideLifetime(bytes, copying: ())
        }
    }
}
