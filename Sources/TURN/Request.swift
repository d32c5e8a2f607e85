/// A request on its way through the server, and which attributes a server understands.
internal import STUN

/// What all handlers of a request need besides the message itself.
struct Request {
    var fiveTuple: FiveTuple
    var now: Now
    var method: Method
    var transactionID: TransactionID
    /// The answer has a FINGERPRINT if the request had one (RFC 8489 7).
    var hasFingerprint: Bool
    /// Who asks, once that is proved; nil also when nothing has to be proved.
    var identity: Identity?
}

extension AttributeType {
    /// Whether a message with this attribute is refused: it must be comprehended, and is not.
    ///
    /// An attribute that is known but has no business in a message is ignored (RFC 8489 14).
    /// CHANGE-REQUEST, PADDING and RESPONSE-PORT (RFC 5780) and ACCESS-TOKEN (RFC 7635) belong to extensions
    /// that are not served.
    var isUnknownRequired: Bool {
        guard isComprehensionRequired else { return false }
        switch self {
        case .mappedAddress, .username, .messageIntegrity, .errorCode, .unknownAttributes,
            .channelNumber, .lifetime, .xorPeerAddress, .data, .realm, .nonce,
            .xorRelayedAddress, .requestedAddressFamily, .evenPort, .requestedTransport,
            .dontFragment, .messageIntegritySHA256, .passwordAlgorithm, .userhash,
            .xorMappedAddress, .reservationToken, .connectionID:
            return false
        default:
            return true
        }
    }
}

/// The attributes of `message` that must be comprehended and are not (RFC 8489 6.3.1).
func unknownAttributes(in message: borrowing Message) -> UnknownAttributes {
    var unknown = UnknownAttributes()
    var cursor = message.attributes()
    while let attribute = cursor.next(in: message) {
        if attribute.type.isUnknownRequired { unknown.insert(attribute.type) }
    }
    return unknown
}
