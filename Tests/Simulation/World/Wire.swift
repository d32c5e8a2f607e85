/// The numbers of RFC 8489 and RFC 8656 that clients and the reference model need.

/// Methods (RFC 8489, 18.1; RFC 8656, 17).
enum WireMethod {
    static let binding: UInt16 = 0x001
    static let allocate: UInt16 = 0x003
    static let refresh: UInt16 = 0x004
    static let send: UInt16 = 0x006
    static let data: UInt16 = 0x007
    static let createPermission: UInt16 = 0x008
    static let channelBind: UInt16 = 0x009
}

/// The two class bits of a message type.
enum WireClass: UInt16 {
    case request = 0
    case indication = 1
    case success = 2
    case error = 3
}

/// Attribute types (RFC 8489, 18.3; RFC 8656, 18).
enum WireType {
    static let username: UInt16 = 0x0006
    static let messageIntegrity: UInt16 = 0x0008
    static let errorCode: UInt16 = 0x0009
    static let unknownAttributes: UInt16 = 0x000A
    static let channelNumber: UInt16 = 0x000C
    static let lifetime: UInt16 = 0x000D
    static let xorPeerAddress: UInt16 = 0x0012
    static let data: UInt16 = 0x0013
    static let realm: UInt16 = 0x0014
    static let nonce: UInt16 = 0x0015
    static let xorRelayedAddress: UInt16 = 0x0016
    static let requestedAddressFamily: UInt16 = 0x0017
    static let evenPort: UInt16 = 0x0018
    static let requestedTransport: UInt16 = 0x0019
    static let dontFragment: UInt16 = 0x001A
    static let messageIntegritySHA256: UInt16 = 0x001C
    static let passwordAlgorithm: UInt16 = 0x001D
    static let userhash: UInt16 = 0x001E
    static let xorMappedAddress: UInt16 = 0x0020
    static let reservationToken: UInt16 = 0x0022
    static let additionalAddressFamily: UInt16 = 0x8000
    static let addressErrorCode: UInt16 = 0x8001
    static let passwordAlgorithms: UInt16 = 0x8002
    static let icmp: UInt16 = 0x8004
    static let software: UInt16 = 0x8022
    static let alternateServer: UInt16 = 0x8023
    static let fingerprint: UInt16 = 0x8028
    static let mobilityTicket: UInt16 = 0x8030

    /// Comprehension-required types of the two RFCs: a server that speaks them knows these.
    static let known: Set<UInt16> = [
        0x0001, username, messageIntegrity, errorCode, unknownAttributes, channelNumber, lifetime,
        xorPeerAddress, data, realm, nonce, xorRelayedAddress, requestedAddressFamily, evenPort,
        requestedTransport, dontFragment, messageIntegritySHA256, passwordAlgorithm, userhash,
        xorMappedAddress, reservationToken,
    ]

    /// Comprehension-required types of other RFCs and of older ones: a server may know them or not.
    static let disputed: Set<UInt16> = [
        0x0000, 0x0002, 0x0003, 0x0004, 0x0005, 0x0007, 0x000B, 0x000E, 0x000F, 0x0010, 0x0011,
        0x001B, 0x001F, 0x0021, 0x0023, 0x0024, 0x0025, 0x0026, 0x0027, 0x002B, 0x0030,
    ]
}

/// The magic cookie (RFC 8489, 5).
let magicCookie: [UInt8] = [0x21, 0x12, 0xA4, 0x42]

/// A message type from its method and class bits, interleaved as RFC 8489, figure 3 draws them.
func messageType(_ method: UInt16, _ messageClass: WireClass) -> UInt16 {
    let spread = (method & 0xF) | (method & 0x70) << 1 | (method & 0xF80) << 2
    return spread | (messageClass.rawValue & 1) << 4 | (messageClass.rawValue & 2) << 7
}
