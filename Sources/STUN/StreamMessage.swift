/// The message at the front of a stream: STUN by its length field (RFC 8489 6.2.2), ChannelData by its own, padded to
/// a multiple of four bytes (RFC 8656 12.5).
public enum StreamMessage: Hashable, Sendable, BitwiseCopyable {
    /// More bytes have to come before its length is known.
    case unknown
    /// It takes so many bytes, padding included, whether they are all there or not.
    case bytes(Int)
    /// No message begins so: where the next one would begin cannot be known.
    case none

    /// Bytes of the longest ChannelData message: 65 535, its header and its padding.
    public static let maximumChannelDataCount = 65_540

    /// Looks at the first bytes of what has come.
    ///
    /// RFC 5766 let channel numbers reach 0x7FFF; `rfc5766Channels` takes them for ChannelData too.
    public init(front bytes: RawSpan, rfc5766Channels: Bool = false) {
        guard bytes.byteCount > 0 else {
            self = .unknown
            return
        }
        let kind = DatagramKind(firstByte: bytes.uint8(at: 0), rfc5766Channels: rfc5766Channels)
        guard kind == .stun || kind == .channelData else {
            self = .none
            return
        }
        guard bytes.byteCount >= 4 else {
            self = .unknown
            return
        }
        let count = Int(bytes.uint16(at: 2))
        if kind == .channelData {
            self = .bytes(ChannelData.headerCount + (count + 3) & ~3)
        } else {
            self = StreamMessage(message: bytes, count: count)
        }
    }

    private init(message bytes: RawSpan, count: Int) {
        let hasCookie = bytes.byteCount < 8 || bytes.uint32(at: 4) == Message.magicCookie
        self = count & 3 == 0 && hasCookie ? .bytes(Message.headerCount + count) : .none
    }
}
