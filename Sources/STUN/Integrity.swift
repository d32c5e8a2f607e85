/// MESSAGE-INTEGRITY and MESSAGE-INTEGRITY-SHA256: the key, and whether a message bears its mark
/// (RFC 8489 sections 9.2.2, 14.5, 14.6).

/// The two integrity attributes.
public enum IntegrityKind: Sendable, BitwiseCopyable {
    /// MESSAGE-INTEGRITY: HMAC-SHA1, 20 bytes.
    case sha1
    /// MESSAGE-INTEGRITY-SHA256: HMAC-SHA256, 32 bytes, or truncated to 16 and more.
    case sha256
}

/// The algorithms of PASSWORD-ALGORITHM (RFC 8489 section 18.5).
public enum PasswordAlgorithm: UInt16, Sendable, BitwiseCopyable {
    /// The key is an MD5, 16 bytes.
    case md5 = 1
    /// The key is a SHA-256, 32 bytes.
    case sha256 = 2
}

/// The key of an HMAC: at most 32 bytes, inline.
public struct IntegrityKey: Sendable, BitwiseCopyable {
    /// The most bytes a key has.
    public static let maximumCount = 32

    private var storage: [32 of UInt8] = .init(repeating: 0)
    private let count: Int

    /// The key made of `bytes`; nil if there are more than 32.
    public init?(bytes: RawSpan) {
        guard bytes.byteCount <= Self.maximumCount else { return nil }
        self.init(checked: bytes)
    }

    private init(checked bytes: RawSpan) {
        count = bytes.byteCount
        for index in 0..<count { storage[index] = bytes.uint8(at: index) }
    }

    /// The key's bytes.
    public var bytes: RawSpan {
        @_lifetime(borrow self) borrowing get { storage.span.rawBytes.extracting(0..<count) }
    }

    /// MD5 of `username:realm:password` (RFC 8489 section 18.5.1.1).
    public static func md5(username: RawSpan, realm: RawSpan, password: RawSpan) -> IntegrityKey {
        var hash = MD5()
        hash.update(username, realm, password)
        let digest = hash.finish()
        return IntegrityKey(checked: digest.bytes)
    }

    /// SHA-256 of `username:realm:password` (RFC 8489 section 18.5.1.2).
    public static func sha256(username: RawSpan, realm: RawSpan, password: RawSpan) -> IntegrityKey
    {
        var hash = SHA256()
        hash.update(username, realm, password)
        let digest = hash.finish()
        return IntegrityKey(checked: digest.bytes)
    }
}

/// The USERHASH of a user: SHA-256 of `username:realm` (RFC 8489 section 14.4).
public func userhash(username: RawSpan, realm: RawSpan) -> Digest32 {
    var hash = SHA256()
    hash.update(username)
    hash.updateColon()
    hash.update(realm)
    return hash.finish()
}

extension HashFunction {
    /// Hashes the three with colons between them.
    fileprivate mutating func update(_ first: RawSpan, _ second: RawSpan, _ third: RawSpan) {
        update(first)
        updateColon()
        update(second)
        updateColon()
        update(third)
    }

    fileprivate mutating func updateColon() {
        let colon: [1 of UInt8] = [UInt8(ascii: ":")]
        update(colon.span.rawBytes)
    }
}

extension Message {
    /// Whether the message has the attribute of `kind` and it is the HMAC under `key`; takes the same time either way.
    public func integrity(_ kind: IntegrityKind, key: borrowing IntegrityKey) -> Bool {
        switch kind {
        case .sha1:
            guard let attribute = first(.messageIntegrity), attribute.count == 20 else {
                return false
            }
            let header = header(endingWith: attribute)
            let digest = hmacSHA1(key: key.bytes, header.span.rawBytes, body(before: attribute))
            return value(of: attribute).isEqualInConstantTime(to: digest.bytes)
        case .sha256:
            guard let attribute = first(.messageIntegritySHA256),
                (16...32).contains(attribute.count), attribute.count & 3 == 0
            else { return false }
            let header = header(endingWith: attribute)
            let digest = hmacSHA256(key: key.bytes, header.span.rawBytes, body(before: attribute))
            let truncated = digest.bytes.extracting(0..<attribute.count)
            return value(of: attribute).isEqualInConstantTime(to: truncated)
        }
    }

    /// A copy of the header in which the message ends with `attribute`: that is what the HMAC covers.
    private func header(endingWith attribute: Attribute) -> [20 of UInt8] {
        var header: [20 of UInt8] = .init(repeating: 0)
        for index in header.indices { header[index] = bytes.uint8(at: index) }
        let length = attribute.offset + attribute.count - Self.headerCount
        header[2] = UInt8(truncatingIfNeeded: length >> 8)
        header[3] = UInt8(truncatingIfNeeded: length)
        return header
    }

    /// What lies between the header and `attribute`.
    @_lifetime(copy self)
    private func body(before attribute: Attribute) -> RawSpan {
        bytes.extracting(Self.headerCount..<attribute.offset - 4)
    }
}

extension RawSpan {
    /// Whether both hold the same bytes, in a time that depends on their counts alone.
    public func isEqualInConstantTime(to other: RawSpan) -> Bool {
        guard byteCount == other.byteCount else { return false }
        var difference: UInt8 = 0
        for index in 0..<byteCount { difference |= uint8(at: index) ^ other.uint8(at: index) }
        return difference == 0
    }
}
