/// What a datagram is by its first byte, and the one that is not STUN: ChannelData.

/// The protocols that share a port, told apart by the first byte (RFC 7983 section 7).
public enum DatagramKind: Sendable, BitwiseCopyable {
    /// 0...3.
    case stun
    /// 64...79.
    case channelData
    /// 20...63.
    case dtls
    /// Anything else.
    case other

    /// The kind of a datagram that starts with `firstByte`.
    ///
    /// RFC 5766 let channel numbers reach 0x7FFF; `rfc5766Channels` takes 80...127 for ChannelData too.
    public init(firstByte: UInt8, rfc5766Channels: Bool = false) {
        self =
            switch firstByte {
            case 0...3: .stun
            case 20...63: .dtls
            case 64...79: .channelData
            case 80...127: rfc5766Channels ? .channelData : .other
            default: .other
            }
    }
}

/// The header of a ChannelData message (RFC 8656 section 12.4).
public struct ChannelData: Sendable, BitwiseCopyable {
    /// The bytes of the header: channel number and length.
    public static let headerCount = 4

    /// The channel number: 0x4000...0x7FFF; the server knows which of them it binds.
    public let channel: UInt16
    /// The bytes of application data, which start at `headerCount`.
    public let count: Int

    /// The header of `bytes`; nil if it is none, or announces more than there is.
    ///
    /// Over UDP what follows the announced length is padding and ignored (RFC 8656 section 12.5).
    public init?(_ bytes: RawSpan) {
        guard bytes.byteCount >= Self.headerCount else { return nil }
        let word = bytes.uint32(at: 0)
        let count = Int(word & 0xFFFF)
        guard word >> 30 == 0b01, count <= bytes.byteCount - Self.headerCount else { return nil }
        channel = UInt16(truncatingIfNeeded: word >> 16)
        self.count = count
    }

    /// How many datagrams from the first on have its header, of those that begin every `stride` bytes.
    ///
    /// `bytes` is a train of datagrams of `stride` bytes each, at least four; 1 when the second one differs.
    public static func runLength(in bytes: RawSpan, every stride: Int) -> Int {
        let header = bytes.uint32(at: 0)
        var offset = stride
        while offset < bytes.byteCount, bytes.uint32(at: offset) == header { offset &+= stride }
        return offset / stride
    }

    /// Writes the header of `count` (0...65535) bytes on `channel` to the first four bytes of `bytes`.
    @_lifetime(bytes: copy bytes)
    public static func writeHeader(
        channel: UInt16,
        count: Int,
        into bytes: inout MutableRawSpan
    ) {
        bytes.store(UInt32(channel) << 16 | UInt32(truncatingIfNeeded: count & 0xFFFF), at: 0)
    }
}
