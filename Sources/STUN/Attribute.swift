/// The registered attributes, and an attribute found in a message (RFC 8489 section 14).

/// The type of an attribute.
public struct AttributeType: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    /// The number registered for the attribute.
    public let rawValue: UInt16

    /// The attribute registered as `rawValue`.
    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    /// Whether one who does not know the attribute must refuse the message (RFC 8489 section 14).
    public var isComprehensionRequired: Bool { rawValue < 0x8000 }
}

/// Where an attribute lies in its message; see `Message.value(of:)`.
public struct Attribute: Hashable, Sendable, BitwiseCopyable {
    /// What it is.
    public let type: AttributeType
    /// Where its value starts, in bytes from the start of the message.
    public let offset: Int
    /// The bytes of its value, without padding: 0...65535.
    public let count: Int
}

extension AttributeType {
    /// MAPPED-ADDRESS, RFC 8489.
    public static let mappedAddress = AttributeType(rawValue: 0x0001)
    /// CHANGE-REQUEST, RFC 5780.
    public static let changeRequest = AttributeType(rawValue: 0x0003)
    /// USERNAME, RFC 8489.
    public static let username = AttributeType(rawValue: 0x0006)
    /// MESSAGE-INTEGRITY, RFC 8489.
    public static let messageIntegrity = AttributeType(rawValue: 0x0008)
    /// ERROR-CODE, RFC 8489.
    public static let errorCode = AttributeType(rawValue: 0x0009)
    /// UNKNOWN-ATTRIBUTES, RFC 8489.
    public static let unknownAttributes = AttributeType(rawValue: 0x000A)
    /// CHANNEL-NUMBER, RFC 8656.
    public static let channelNumber = AttributeType(rawValue: 0x000C)
    /// LIFETIME, RFC 8656.
    public static let lifetime = AttributeType(rawValue: 0x000D)
    /// XOR-PEER-ADDRESS, RFC 8656.
    public static let xorPeerAddress = AttributeType(rawValue: 0x0012)
    /// DATA, RFC 8656.
    public static let data = AttributeType(rawValue: 0x0013)
    /// REALM, RFC 8489.
    public static let realm = AttributeType(rawValue: 0x0014)
    /// NONCE, RFC 8489.
    public static let nonce = AttributeType(rawValue: 0x0015)
    /// XOR-RELAYED-ADDRESS, RFC 8656.
    public static let xorRelayedAddress = AttributeType(rawValue: 0x0016)
    /// REQUESTED-ADDRESS-FAMILY, RFC 8656.
    public static let requestedAddressFamily = AttributeType(rawValue: 0x0017)
    /// EVEN-PORT, RFC 8656.
    public static let evenPort = AttributeType(rawValue: 0x0018)
    /// REQUESTED-TRANSPORT, RFC 8656.
    public static let requestedTransport = AttributeType(rawValue: 0x0019)
    /// DONT-FRAGMENT, RFC 8656.
    public static let dontFragment = AttributeType(rawValue: 0x001A)
    /// ACCESS-TOKEN, RFC 7635.
    public static let accessToken = AttributeType(rawValue: 0x001B)
    /// MESSAGE-INTEGRITY-SHA256, RFC 8489.
    public static let messageIntegritySHA256 = AttributeType(rawValue: 0x001C)
    /// PASSWORD-ALGORITHM, RFC 8489.
    public static let passwordAlgorithm = AttributeType(rawValue: 0x001D)
    /// USERHASH, RFC 8489.
    public static let userhash = AttributeType(rawValue: 0x001E)
    /// XOR-MAPPED-ADDRESS, RFC 8489.
    public static let xorMappedAddress = AttributeType(rawValue: 0x0020)
    /// RESERVATION-TOKEN, RFC 8656.
    public static let reservationToken = AttributeType(rawValue: 0x0022)
    /// PADDING, RFC 5780.
    public static let padding = AttributeType(rawValue: 0x0026)
    /// RESPONSE-PORT, RFC 5780.
    public static let responsePort = AttributeType(rawValue: 0x0027)
    /// CONNECTION-ID, RFC 6062.
    public static let connectionID = AttributeType(rawValue: 0x002A)
    /// ADDITIONAL-ADDRESS-FAMILY, RFC 8656.
    public static let additionalAddressFamily = AttributeType(rawValue: 0x8000)
    /// ADDRESS-ERROR-CODE, RFC 8656.
    public static let addressErrorCode = AttributeType(rawValue: 0x8001)
    /// PASSWORD-ALGORITHMS, RFC 8489.
    public static let passwordAlgorithms = AttributeType(rawValue: 0x8002)
    /// ALTERNATE-DOMAIN, RFC 8489.
    public static let alternateDomain = AttributeType(rawValue: 0x8003)
    /// ICMP, RFC 8656.
    public static let icmp = AttributeType(rawValue: 0x8004)
    /// SOFTWARE, RFC 8489.
    public static let software = AttributeType(rawValue: 0x8022)
    /// ALTERNATE-SERVER, RFC 8489.
    public static let alternateServer = AttributeType(rawValue: 0x8023)
    /// FINGERPRINT, RFC 8489.
    public static let fingerprint = AttributeType(rawValue: 0x8028)
    /// RESPONSE-ORIGIN, RFC 5780.
    public static let responseOrigin = AttributeType(rawValue: 0x802B)
    /// OTHER-ADDRESS, RFC 5780.
    public static let otherAddress = AttributeType(rawValue: 0x802C)
    /// THIRD-PARTY-AUTHORIZATION, RFC 7635.
    public static let thirdPartyAuthorization = AttributeType(rawValue: 0x802E)
    /// MOBILITY-TICKET, RFC 8016.
    public static let mobilityTicket = AttributeType(rawValue: 0x8030)
}
