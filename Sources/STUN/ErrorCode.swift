/// The codes of ERROR-CODE (RFC 8489 section 14.8).

/// An error code: 300...699.
public struct ErrorCode: Hashable, Sendable, BitwiseCopyable {
    /// The number: class times 100 plus number.
    public let value: UInt16

    /// The code with this number.
    public init(_ value: UInt16) {
        self.value = value
    }

    /// The attribute's first four bytes: 21 reserved bits, the hundreds, the rest.
    var wireValue: UInt32 { UInt32(value / 100) << 8 | UInt32(value % 100) }
}

extension ErrorCode {
    /// Try Alternate, RFC 8489.
    public static let tryAlternate = ErrorCode(300)
    /// Bad Request, RFC 8489.
    public static let badRequest = ErrorCode(400)
    /// Unauthenticated, RFC 8489.
    public static let unauthorized = ErrorCode(401)
    /// Forbidden, RFC 8656.
    public static let forbidden = ErrorCode(403)
    /// Mobility Forbidden, RFC 8016.
    public static let mobilityForbidden = ErrorCode(405)
    /// Unknown Attribute, RFC 8489.
    public static let unknownAttribute = ErrorCode(420)
    /// Allocation Mismatch, RFC 8656.
    public static let allocationMismatch = ErrorCode(437)
    /// Stale Nonce, RFC 8489.
    public static let staleNonce = ErrorCode(438)
    /// Address Family not Supported, RFC 8656.
    public static let addressFamilyNotSupported = ErrorCode(440)
    /// Wrong Credentials, RFC 8656.
    public static let wrongCredentials = ErrorCode(441)
    /// Unsupported Transport Protocol, RFC 8656.
    public static let unsupportedTransport = ErrorCode(442)
    /// Peer Address Family Mismatch, RFC 8656.
    public static let peerAddressFamilyMismatch = ErrorCode(443)
    /// Connection Already Exists, RFC 6062.
    public static let connectionAlreadyExists = ErrorCode(446)
    /// Connection Timeout or Failure, RFC 6062.
    public static let connectionTimeoutOrFailure = ErrorCode(447)
    /// Allocation Quota Reached, RFC 8656.
    public static let allocationQuotaReached = ErrorCode(486)
    /// Server Error, RFC 8489.
    public static let serverError = ErrorCode(500)
    /// Insufficient Capacity, RFC 8656.
    public static let insufficientCapacity = ErrorCode(508)
}
