/// Messages as a test writes them.
import STUN
import TURN

/// One attribute of a message under construction.
enum TestAttribute {
    case empty(AttributeType)
    case uint8(AttributeType, UInt8)
    case uint16(AttributeType, UInt16)
    case uint32(AttributeType, UInt32)
    case uint64(AttributeType, UInt64)
    case bytes(AttributeType, [UInt8])
    case xorAddress(AttributeType, String)

    /// REQUESTED-TRANSPORT; 17 is UDP.
    static func transport(_ number: UInt8) -> Self {
        .uint32(.requestedTransport, UInt32(number) << 24)
    }

    static func lifetime(_ seconds: UInt32) -> Self { .uint32(.lifetime, seconds) }

    static func peer(_ address: String) -> Self { .xorAddress(.xorPeerAddress, address) }

    static func channel(_ number: UInt16) -> Self {
        .uint32(.channelNumber, UInt32(number) << 16)
    }

    static func data(_ text: String) -> Self { .bytes(.data, Array(text.utf8)) }

    static func family(_ number: UInt8) -> Self {
        .uint32(.requestedAddressFamily, UInt32(number) << 24)
    }

    static func additionalFamily(_ number: UInt8) -> Self {
        .uint32(.additionalAddressFamily, UInt32(number) << 24)
    }

    static func evenPort(reserve: Bool) -> Self { .uint8(.evenPort, reserve ? 0x80 : 0) }

    static func token(_ token: UInt64) -> Self { .uint64(.reservationToken, token) }

    /// An attribute with this number, of four bytes.
    static func number(_ type: UInt16) -> Self { .uint32(AttributeType(rawValue: type), 0) }

    static func connectionID(_ id: ConnectionID?) -> Self {
        .uint32(.connectionID, id?.rawValue ?? 0)
    }

    static func text(_ type: AttributeType, _ text: String) -> Self {
        .bytes(type, Array(text.utf8))
    }

    func append(to writer: inout MessageWriter) {
        switch self {
        case .empty(let type): writer.append(type)
        case .uint8(let type, let value): writer.append(type, uint8: value)
        case .uint16(let type, let value): writer.append(type, uint16: value)
        case .uint32(let type, let value): writer.append(type, uint32: value)
        case .uint64(let type, let value): writer.append(type, uint64: value)
        case .bytes(let type, let value): writer.append(type, bytes: value)
        case .xorAddress(let type, let text): writer.append(type, xorAddress: address(text))
        }
    }
}

/// The address written as `text`; the tests' own texts are well formed.
func address(_ text: String) -> TransportAddress {
    guard let address = TransportAddress(text) else { fatalError("no address: \(text)") }
    return address
}

/// How a message is signed.
struct TestSignature {
    var kind: IntegrityKind
    var key: IntegrityKey
}

/// The bytes of a STUN message.
func message(
    _ method: Method,
    _ messageClass: MessageClass,
    _ transactionID: TransactionID,
    _ attributes: [TestAttribute],
    signedBy signature: TestSignature? = nil,
    fingerprint: Bool = false
) -> [UInt8] {
    var buffer = [UInt8](repeating: 0xEE, count: 66_000)
    var span = buffer.mutableSpan
    var bytes = span.mutableBytes
    var writer = MessageWriter(
        into: &bytes,
        type: MessageType(method, messageClass),
        transactionID: transactionID
    )
    for attribute in attributes { attribute.append(to: &writer) }
    if let signature { writer.appendIntegrity(signature.kind, key: signature.key) }
    if fingerprint { writer.appendFingerprint() }
    guard let count = writer.finish() else { fatalError("the message does not fit") }
    return Array(buffer[..<count])
}
