/// What a message is: its method, its class, and the transaction it belongs to (RFC 8489 section 5).

/// The method of a message: 12 bits.
public struct Method: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    /// The number registered for the method.
    public let rawValue: UInt16

    /// The method registered as `rawValue`.
    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    /// Binding, RFC 8489.
    public static let binding = Method(rawValue: 0x001)
    /// Allocate, RFC 8656 section 7.
    public static let allocate = Method(rawValue: 0x003)
    /// Refresh, RFC 8656 section 8.
    public static let refresh = Method(rawValue: 0x004)
    /// Send, RFC 8656 section 11.
    public static let send = Method(rawValue: 0x006)
    /// Data, RFC 8656 section 11.
    public static let data = Method(rawValue: 0x007)
    /// CreatePermission, RFC 8656 section 10.
    public static let createPermission = Method(rawValue: 0x008)
    /// ChannelBind, RFC 8656 section 12.
    public static let channelBind = Method(rawValue: 0x009)
    /// Connect, RFC 6062.
    public static let connect = Method(rawValue: 0x00A)
    /// ConnectionBind, RFC 6062.
    public static let connectionBind = Method(rawValue: 0x00B)
    /// ConnectionAttempt, RFC 6062.
    public static let connectionAttempt = Method(rawValue: 0x00C)
}

/// The class of a message: the two bits C1 C0.
public enum MessageClass: UInt8, Sendable, BitwiseCopyable {
    /// Wants an answer.
    case request = 0
    /// Wants none.
    case indication = 1
    /// The answer to a request that was granted.
    case success = 2
    /// The answer to a request that was refused.
    case error = 3
}

/// The first 16 bits of a message: method and class, interleaved.
///
///      0 0 M11 M10 M9 M8 M7 C1 M6 M5 M4 C0 M3 M2 M1 M0
public struct MessageType: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    /// The bits as sent.
    public let rawValue: UInt16

    /// The type with these bits; nil if one of the first two is set, for then it is no STUN message.
    public init?(rawValue: UInt16) {
        guard rawValue & 0xC000 == 0 else { return nil }
        self.rawValue = rawValue
    }

    /// The type of a message of `method` and `messageClass`.
    public init(_ method: Method, _ messageClass: MessageClass) {
        let bits = method.rawValue
        let spread = (bits & 0x000F) | (bits & 0x0070) << 1 | (bits & 0x0F80) << 2
        let classBits = UInt16(messageClass.rawValue)
        rawValue = spread | (classBits & 1) << 4 | (classBits & 2) << 7
    }

    /// The method.
    public var method: Method {
        Method(rawValue: (rawValue & 0x000F) | (rawValue & 0x00E0) >> 1 | (rawValue & 0x3E00) >> 2)
    }

    /// The class.
    public var messageClass: MessageClass {
        switch (rawValue & 0x0100 != 0, rawValue & 0x0010 != 0) {
        case (false, false): .request
        case (false, true): .indication
        case (true, false): .success
        case (true, true): .error
        }
    }
}

/// The 96 bits that tie an answer to its request.
public struct TransactionID: Hashable, Sendable, BitwiseCopyable {
    /// The first 32 bits, as a big-endian number.
    public let high: UInt32
    /// The last 64 bits, as a big-endian number.
    public let low: UInt64

    /// The transaction with these bits.
    public init(high: UInt32, low: UInt64) {
        self.high = high
        self.low = low
    }
}
