/// What the suites of this folder build messages from.

import STUN
import Testing

/// The bytes written as hexadecimal digits in `text`.
func hex(_ text: String) -> [UInt8] {
    let digits = text.filter { !$0.isWhitespace }
    return stride(from: 0, to: digits.count, by: 2).compactMap { offset in
        UInt8(digits.dropFirst(offset).prefix(2), radix: 16)
    }
}

/// The bytes of `span`.
func array(_ span: RawSpan) -> [UInt8] {
    span.withUnsafeBytes { [UInt8]($0) }
}

/// The header of a Binding request whose attributes take `length` bytes.
func header(length: Int) -> [UInt8] {
    hex("0001") + [UInt8(length >> 8), UInt8(length & 0xFF)]
        + hex("2112a442 b7e7a701bc34d686fa87dfae")
}

/// An attribute with its header and zero padding.
func attribute(_ type: AttributeType, _ value: [UInt8]) -> [UInt8] {
    [
        UInt8(type.rawValue >> 8), UInt8(type.rawValue & 0xFF),
        UInt8(value.count >> 8), UInt8(value.count & 0xFF),
    ] + value + [UInt8](repeating: 0, count: (4 - value.count % 4) % 4)
}

/// A Binding request of these attributes.
func request(_ attributes: [UInt8]...) -> [UInt8] {
    let body = attributes.flatMap { $0 }
    return header(length: body.count) + body
}

/// Whether `bytes` are a message.
func isMessage(_ bytes: [UInt8]) -> Bool {
    Message(bytes.span.bytes) != nil
}

/// A key of these bytes.
func integrityKey(_ bytes: [UInt8]) throws -> IntegrityKey {
    guard let key = IntegrityKey(bytes: bytes.span.bytes) else { throw NotThere() }
    return key
}

/// The key of a user's long-term credentials.
func longTermKey(
    _ algorithm: PasswordAlgorithm,
    _ username: [UInt8],
    _ realm: [UInt8],
    _ password: [UInt8]
) -> IntegrityKey {
    let (username, realm) = (username.span.bytes, realm.span.bytes)
    switch algorithm {
    case .md5:
        return .md5(username: username, realm: realm, password: password.span.bytes)
    case .sha256:
        return .sha256(username: username, realm: realm, password: password.span.bytes)
    }
}

/// A message that may escape, as the testing macros want it: it reads its bytes again for each question.
struct Parsed {
    private let bytes: [UInt8]

    /// The message in `bytes`; throws if they are none.
    init(_ bytes: [UInt8]) throws {
        guard isMessage(bytes) else { throw NotThere() }
        self.bytes = bytes
    }

    private func read<Result>(_ body: (borrowing Message) -> Result) -> Result {
        guard let message = Message(bytes.span.bytes) else { fatalError("was a message") }
        return body(message)
    }

    var type: MessageType { read { $0.type } }
    var transactionID: TransactionID { read { $0.transactionID } }
    var fingerprint: FingerprintCheck { read { $0.hasValidFingerprint } }

    /// The attributes a cursor meets.
    var attributes: [Attribute] {
        read { message in
            var found: [Attribute] = []
            var cursor = message.attributes()
            while let attribute = cursor.next(in: message) { found.append(attribute) }
            return found
        }
    }

    func integrity(_ kind: IntegrityKind, _ key: IntegrityKey) -> Bool {
        read { $0.integrity(kind, key: key) }
    }

    func first(_ type: AttributeType) -> Attribute? { read { $0.first(type) } }

    func value(_ type: AttributeType) -> [UInt8]? {
        read { message in message.first(type).map { array(message.value(of: $0)) } }
    }

    func uint8(_ type: AttributeType, at index: Int = 0) -> UInt8? {
        read { message in message.first(type).flatMap { message.uint8($0, at: index) } }
    }

    func uint16(_ type: AttributeType, at index: Int = 0) -> UInt16? {
        read { message in message.first(type).flatMap { message.uint16($0, at: index) } }
    }

    func uint32(_ type: AttributeType, at index: Int = 0) -> UInt32? {
        read { message in message.first(type).flatMap { message.uint32($0, at: index) } }
    }

    func uint64(_ type: AttributeType, at index: Int = 0) -> UInt64? {
        read { message in message.first(type).flatMap { message.uint64($0, at: index) } }
    }

    func xorAddress(_ type: AttributeType) -> TransportAddress? {
        read { message in message.first(type).flatMap { message.xorAddress($0) } }
    }

    func address(_ type: AttributeType) -> TransportAddress? {
        read { message in message.first(type).flatMap { message.address($0) } }
    }

    func errorCode(_ type: AttributeType) -> ErrorCode? {
        read { message in message.first(type).flatMap { message.errorCode($0) } }
    }
}

/// The bytes that `body` writes into `capacity` bytes of 0xEE; nil if they did not fit.
func written(
    type: MessageType = MessageType(.binding, .success),
    capacity: Int = 1500,
    _ body: (inout MessageWriter) -> Void
) -> [UInt8]? {
    var buffer = [UInt8](repeating: 0xEE, count: capacity)
    let transactionID = TransactionID(high: 0xB7E7_A701, low: 0xBC34_D686_FA87_DFAE)
    var span = buffer.mutableSpan
    var bytes = span.mutableBytes
    var writer = MessageWriter(into: &bytes, type: type, transactionID: transactionID)
    body(&writer)
    guard let count = writer.finish() else { return nil }
    return [UInt8](buffer[..<count])
}

/// Thrown where a test cannot go on without a value.
struct NotThere: Error {}

/// A small generator that repeats itself for the same seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
