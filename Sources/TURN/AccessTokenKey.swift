/// A long-term key that the server shares with an authorization server (RFC 7635 4.1.2).
internal import STUN

/// What opens the access tokens of one key identifier (kid).
public struct AccessTokenKey: Hashable, Sendable {
    /// What the client says in USERNAME.
    let kid: [UInt8]
    /// 16 bytes for AEAD_AES_128_GCM, 32 for AEAD_AES_256_GCM.
    let key: [UInt8]
    /// The second since 1970 from which the key is good, and the first at which it no longer is.
    let from: UInt64, until: UInt64

    /// The key written as `value` for the kid `name`: an algorithm, a key, then options in any order.
    ///
    ///     A256GCM 0x3132…3132 from=1735689600 until=1767225600 kid=22BIjxU93h/IgwEb
    ///
    /// The algorithm is A128GCM or A256GCM (RFC 7518 5.1), the key hexadecimal behind `0x`, or base64 in either
    /// alphabet. `kid=` is for identifiers that no file can be named after. Nil when something is missing, unknown,
    /// twice, or of a wrong length.
    public init?(name: String, value: String) {
        var words = value.split(whereSeparator: \.isWhitespace)[...]
        guard let algorithm = words.popFirst(), let text = words.popFirst(),
            let count = AccessTokenKey.keyCount(of: algorithm),
            let key = AccessTokenKey.key(text), key.count == count
        else { return nil }
        var options: [Substring: Substring] = [:]
        for word in words {
            let parts = word.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, options.updateValue(parts[1], forKey: parts[0]) == nil else {
                return nil
            }
        }
        let kidText = options.removeValue(forKey: "kid").map(String.init) ?? name
        guard let from = AccessTokenKey.seconds(options.removeValue(forKey: "from") ?? "0"),
            let until = AccessTokenKey.seconds(
                options.removeValue(forKey: "until") ?? "\(UInt64.max)"
            ),
            let kid = OpaqueString.prepare(kidText), kid.count <= StaticUser.maximumNameCount,
            options.isEmpty, from < until
        else { return nil }
        self.kid = kid
        self.key = key
        self.from = from
        self.until = until
    }

    /// Whether the key is good at a time.
    func isGood(at now: Now) -> Bool { (from..<until).contains(now.unixSeconds) }

    private static func keyCount(of algorithm: Substring) -> Int? {
        switch algorithm {
        case "A128GCM": 16
        case "A256GCM": 32
        default: nil
        }
    }

    private static func key(_ text: Substring) -> [UInt8]? {
        guard text.hasPrefix("0x") else { return Base64.bytes(text.utf8) }
        return StaticUser.bytes(hexadecimal: text.utf8.dropFirst(2))
    }

    private static func seconds(_ text: Substring) -> UInt64? {
        text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? UInt64(text) : nil
    }
}
