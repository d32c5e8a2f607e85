/// What RFC 3489 ("classic STUN") began its messages with: where the magic cookie is now, its transaction id went on.

/// The header of a message without the magic cookie; its length is that of the bytes.
///
/// The 128 bits behind type and length are its transaction id (RFC 3489 11.1). Nothing behind the header is looked at.
public struct ClassicHeader: Sendable, BitwiseCopyable {
    /// Method and class.
    public let type: MessageType
    /// The last 96 bits of the transaction id.
    public let transactionID: TransactionID
    /// Its first 32 bits.
    private let first: UInt32

    /// The header of the message that fills `bytes`; nil if they are none, or have the cookie.
    public init?(_ bytes: RawSpan) {
        guard bytes.byteCount >= Message.headerCount,
            bytes.uint32(at: 4) != Message.magicCookie,
            let type = MessageType(rawValue: bytes.uint16(at: 0))
        else { return nil }
        let length = Int(bytes.uint16(at: 2))
        guard length & 3 == 0, length == bytes.byteCount - Message.headerCount else { return nil }
        self.type = type
        transactionID = TransactionID(high: bytes.uint32(at: 8), low: bytes.uint64(at: 12))
        first = bytes.uint32(at: 4)
    }

    /// Makes a written message with the same 96 bits an answer to this one: all 128 as they came, and no cookie.
    @_lifetime(answer: copy answer)
    public func restoreTransaction(in answer: inout MutableRawSpan) {
        guard answer.byteCount >= Message.headerCount else { return }
        answer.store(first, at: 4)
    }
}
