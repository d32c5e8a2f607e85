/// A STUN message as a checked view of somebody's bytes (RFC 8489 section 5).

/// A STUN message: its header is valid, its length is that of the bytes, every attribute lies inside.
///
/// Making one is the only check of framing; all that follows relies on it. It copies nothing.
public struct Message: ~Escapable {
    /// The bytes before the attributes.
    public static let headerCount = 20
    /// What every message has at offset 4.
    public static let magicCookie: UInt32 = 0x2112_A442

    /// The whole message.
    public let bytes: RawSpan
    /// Method and class.
    public let type: MessageType

    /// The message that fills `bytes`; nil if they are none, and then nobody should answer.
    @_lifetime(copy bytes)
    public init?(_ bytes: RawSpan) {
        guard bytes.byteCount >= Self.headerCount,
            bytes.uint32(at: 4) == Self.magicCookie,
            let type = MessageType(rawValue: bytes.uint16(at: 0))
        else { return nil }
        let length = Int(bytes.uint16(at: 2))
        guard length & 3 == 0, length == bytes.byteCount - Self.headerCount,
            Self.isFramed(bytes)
        else { return nil }
        self.bytes = bytes
        self.type = type
    }

    /// Whether the attributes fill what follows the header exactly.
    private static func isFramed(_ bytes: RawSpan) -> Bool {
        var offset = headerCount
        // Offset and end are multiples of four, so an attribute's header fits whenever the loop goes on.
        while offset < bytes.byteCount {
            offset += 4 + paddedCount(bytes.uint16(at: offset + 2))
        }
        return offset == bytes.byteCount
    }

    /// `count` rounded up to a multiple of four (RFC 8489 section 14).
    static func paddedCount(_ count: UInt16) -> Int { (Int(count) + 3) & ~3 }

    /// The transaction.
    public var transactionID: TransactionID {
        TransactionID(high: bytes.uint32(at: 8), low: bytes.uint64(at: 12))
    }

    /// A cursor before the first attribute.
    public func attributes() -> AttributeCursor { AttributeCursor() }

    /// The first attribute of `type` that counts; a second one never does (RFC 8489 section 14).
    public func first(_ type: AttributeType) -> Attribute? {
        var cursor = AttributeCursor()
        while let attribute = cursor.next(in: self) {
            if attribute.type == type { return attribute }
        }
        return nil
    }
}

/// A place between two attributes of a message.
///
/// It steps over what must be ignored: after MESSAGE-INTEGRITY all but MESSAGE-INTEGRITY-SHA256 and FINGERPRINT, after
/// MESSAGE-INTEGRITY-SHA256 all but FINGERPRINT (RFC 8489 sections 14.5 and 14.6), after FINGERPRINT everything (14.7).
public struct AttributeCursor: Sendable, BitwiseCopyable {
    /// Which attribute was seen that hides others behind it.
    private enum Curtain: UInt8, Comparable, BitwiseCopyable {
        case none, integrity, integritySHA256, fingerprint

        static func < (left: Curtain, right: Curtain) -> Bool { left.rawValue < right.rawValue }
    }

    private var offset = Message.headerCount
    private var curtain = Curtain.none

    /// The next attribute that counts, or nil at the end.
    public mutating func next(in message: borrowing Message) -> Attribute? {
        while offset < message.bytes.byteCount {
            let word = message.bytes.uint32(at: offset)
            let count = UInt16(truncatingIfNeeded: word)
            let attribute = Attribute(
                type: AttributeType(rawValue: UInt16(truncatingIfNeeded: word >> 16)),
                offset: offset &+ 4,
                count: Int(count)
            )
            offset = offset &+ 4 &+ Message.paddedCount(count)
            if isVisible(attribute.type) { return attribute }
        }
        return nil
    }

    /// Whether an attribute of `type` counts here; one that hides others takes effect.
    private mutating func isVisible(_ type: AttributeType) -> Bool {
        let own: Curtain
        switch type {
        case .messageIntegrity: own = .integrity
        case .messageIntegritySHA256: own = .integritySHA256
        case .fingerprint: own = .fingerprint
        default: return curtain == .none
        }
        guard own > curtain else { return false }
        curtain = own
        return true
    }
}
