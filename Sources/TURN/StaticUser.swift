/// A user of the configuration.
internal import STUN

/// A name with a password, or with the key made of both and the realm.
public struct StaticUser: Hashable, Sendable {
    /// What proves the user.
    enum Secret: Hashable, Sendable {
        /// A password, from which the key of either algorithm follows.
        case password([UInt8])
        /// MD5 of `name:realm:password`: only for MD5 (RFC 8489 9.2.2).
        case md5Key([UInt8])
        /// SHA-256 of `name:realm:password`: only for SHA-256 (RFC 8489 18.5.1.2).
        case sha256Key([UInt8])
    }

    /// The name's bytes as they are in USERNAME.
    let name: [UInt8]
    let secret: Secret

    /// The user `name` with `password`: text, or `0x` and the key in hexadecimal (16 bytes of MD5 or 32 of
    /// SHA-256).
    ///
    /// Nil when the name is empty, has 509 bytes or more or a control character, when the password is
    /// empty or has one, or when a key has neither length.
    public init?(name: String, password: String) {
        guard let name = OpaqueString.prepare(name), name.count <= StaticUser.maximumNameCount,
            let secret = StaticUser.secret(password)
        else { return nil }
        self.name = name
        self.secret = secret
    }

    /// The most bytes of a USERNAME (RFC 8489 14.3: fewer than 509).
    static let maximumNameCount = 508

    private static func secret(_ text: String) -> Secret? {
        guard text.hasPrefix("0x") else { return OpaqueString.prepare(text).map { .password($0) } }
        guard let key = bytes(hexadecimal: text.utf8.dropFirst(2)) else { return nil }
        switch key.count {
        case 16: return .md5Key(key)
        case 32: return .sha256Key(key)
        default: return nil
        }
    }

    /// The bytes of hexadecimal digits; nil when there is anything else, or an odd number of them.
    static func bytes(hexadecimal text: Substring.UTF8View) -> [UInt8]? {
        let digits = text.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
        guard digits.count == text.count, digits.count.isMultiple(of: 2) else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map {
            UInt8(truncatingIfNeeded: digits[$0] << 4 | digits[$0 + 1])
        }
    }
}
