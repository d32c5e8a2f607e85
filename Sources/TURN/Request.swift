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
    /// It has been counted among those that have proved nothing.
    var isAdmitted = false
}

extension AttributeType {
    /// Whether a message with this attribute is refused: it must be comprehended, and is not.
    ///
    /// An attribute that is known but has no business in a message is ignored (RFC 8489 14).
    /// For those of extensions that are served to some see `Extensions`.
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

/// Extensions that are served to some, and whose attributes only those may use.
struct Extensions: OptionSet {
    let rawValue: UInt8

    /// RFC 7635, where there are keys for it.
    static let accessTokens = Extensions(rawValue: 1)
    /// RFC 5780, on the sockets for it.
    static let natDiscovery = Extensions(rawValue: 2)

    /// Whether an attribute is one of theirs.
    func know(_ type: AttributeType) -> Bool {
        switch type {
        case .accessToken: contains(.accessTokens)
        case .changeRequest, .responsePort, .padding: contains(.natDiscovery)
        default: false
        }
    }
}

/// The attributes of `message` that must be comprehended and are not (RFC 8489 6.3.1).
func unknownAttributes(
    in message: borrowing Message,
    serving extensions: Extensions = []
) -> UnknownAttributes {
    var unknown = UnknownAttributes()
    var cursor = message.attributes()
    while let attribute = cursor.next(in: message) {
        if attribute.type.isUnknownRequired && !extensions.know(attribute.type) {
            unknown.insert(attribute.type)
        }
    }
    return unknown
}
