/// STUN messages as a TURN client needs them. The generator shares no code with the server it measures, so
/// that a mistake in one codec cannot hide in the other.

import CLoad

/// Method and class of the messages that a TURN client sends or gets (RFC 8489 5, RFC 8656 17).
enum MessageKind: UInt16 {
    case binding = 0x0001
    case allocate = 0x0003
    case allocateSuccess = 0x0103
    case refresh = 0x0004
    case createPermission = 0x0008
    case channelBind = 0x0009
    case sendIndication = 0x0016
    case dataIndication = 0x0017
}

/// The class bits of a message type.
enum MessageClass {
    static let mask: UInt16 = 0x0110
    static let success: UInt16 = 0x0100
    static let error: UInt16 = 0x0110
}

enum AttributeKind: UInt16 {
    case username = 0x0006
    case messageIntegrity = 0x0008
    case errorCode = 0x0009
    case channelNumber = 0x000C
    case lifetime = 0x000D
    case xorPeerAddress = 0x0012
    case data = 0x0013
    case realm = 0x0014
    case nonce = 0x0015
    case xorRelayedAddress = 0x0016
    case requestedTransport = 0x0019
}

/// The 96 bits that tie an answer to its request: who asked, the how-manieth time, and chance.
struct Transaction: Equatable {
    var client: UInt32
    var count: UInt32
    var random: UInt32

    static func random() -> Transaction {
        Transaction(
            client: .random(in: 0 ... .max),
            count: .random(in: 0 ... .max),
            random: .random(in: 0 ... .max)
        )
    }

    var bytes: [UInt8] { client.bytes + count.bytes + random.bytes }
}

extension FixedWidthInteger {
    /// Network byte order.
    var bytes: [UInt8] { withUnsafeBytes(of: bigEndian) { Array($0) } }
}

let magicCookie: UInt32 = 0x2112_A442

extension Endpoint {
    /// The value of an XOR-…-ADDRESS attribute (RFC 8489 14.2).
    var xored: [UInt8] {
        [0, 1] + (port ^ UInt16(magicCookie >> 16)).bytes + (address ^ magicCookie).bytes
    }

    init?(xored value: [UInt8]) {
        guard value.count == 8, value[1] == 1 else { return nil }
        let port = UInt16(value[2]) << 8 | UInt16(value[3])
        let address = value[4...].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        self.init(address: address ^ magicCookie, port: port ^ UInt16(magicCookie >> 16))
    }
}

struct MessageBuilder {
    private(set) var bytes: [UInt8]

    init(_ kind: MessageKind, transaction: Transaction) {
        bytes = kind.rawValue.bytes + [0, 0] + magicCookie.bytes + transaction.bytes
    }

    mutating func append(_ kind: AttributeKind, _ value: [UInt8]) {
        appendHead(of: kind, count: value.count)
        bytes += value + [UInt8](repeating: 0, count: (4 - value.count % 4) % 4)
    }

    /// Only type and length of an attribute, and the length of the message as if the value were there.
    mutating func appendHead(of kind: AttributeKind, count: Int) {
        bytes += kind.rawValue.bytes + UInt16(count).bytes
        setLength(bytes.count - 20 + (count + 3) / 4 * 4)
    }

    /// MESSAGE-INTEGRITY (RFC 8489 14.5): the length counts it in, the digest leaves it out.
    mutating func sign(key: [UInt8]) {
        setLength(bytes.count - 20 + 24)
        var digest = [UInt8](repeating: 0, count: 20)
        load_hmac_sha1(key, key.count, bytes, bytes.count, &digest)
        append(.messageIntegrity, digest)
    }

    private mutating func setLength(_ count: Int) {
        bytes.replaceSubrange(2..<4, with: UInt16(count).bytes)
    }
}

/// A message that arrived, where it lies in memory; nil when the framing is broken.
struct MessageView {
    let type: UInt16
    let transaction: Transaction
    private let start: UnsafePointer<UInt8>
    private let count: Int

    init?(_ start: UnsafePointer<UInt8>, count: Int) {
        guard count >= 20, start[0] < 0x40, word(start, 4) == magicCookie,
            Int(word(start, 0) & 0xFFFF) == count - 20
        else { return nil }
        self.start = start
        self.count = count
        type = UInt16(word(start, 0) >> 16)
        transaction = Transaction(
            client: word(start, 8),
            count: word(start, 12),
            random: word(start, 16)
        )
    }

    /// Where the value of the first attribute of a kind lies.
    func range(of kind: AttributeKind) -> Range<Int>? {
        var offset = 20
        while offset + 4 <= count {
            let head = word(start, offset)
            let end = offset + 4 + Int(head & 0xFFFF)
            guard end <= count else { return nil }
            if head >> 16 == UInt32(kind.rawValue) { return offset + 4..<end }
            offset = (end + 3) / 4 * 4
        }
        return nil
    }

    func value(of kind: AttributeKind) -> [UInt8]? {
        range(of: kind).map { Array(UnsafeBufferPointer(start: start, count: count)[$0]) }
    }

    /// The code of an error answer; 0 when it has none.
    var errorCode: Int {
        guard let value = value(of: .errorCode), value.count >= 4 else { return 0 }
        return Int(value[2] & 7) * 100 + Int(value[3])
    }
}

/// The 32 bits at an offset, in network byte order.
private func word(_ start: UnsafePointer<UInt8>, _ offset: Int) -> UInt32 {
    let raw = UnsafeRawPointer(start).loadUnaligned(fromByteOffset: offset, as: UInt32.self)
    return UInt32(bigEndian: raw)
}
