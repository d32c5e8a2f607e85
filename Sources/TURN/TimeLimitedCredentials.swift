/// Time-limited credentials (draft-uberti-behave-turn-rest): a name with an expiry, signed with a secret.
///
/// Who knows the secret makes them for a user, who then proves himself to the server; the two never talk.
internal import STUN

/// Username and password of time-limited credentials.
public enum TimeLimitedCredentials {
    /// What a username of this kind says.
    struct Name {
        /// When it ends, in seconds since 1970.
        let expiry: UInt64
        /// Where the user's own name is in it; empty when there is none.
        let user: Range<Int>
    }

    /// Bytes of a password: the base64 of a SHA-1.
    static let passwordCount = 28

    /// The credentials of `user` (may be empty) until `expiry`, in seconds since 1970.
    ///
    /// The username is `expiry:user`, the password base64(HMAC-SHA1(secret, username)).
    public static func make(
        secret: [UInt8],
        user: String,
        expiry: UInt64
    ) -> (username: String, password: String) {
        let username = user.isEmpty ? "\(expiry)" : "\(expiry):\(user)"
        let password = password(
            of: Array(username.utf8).span.rawBytes,
            secret: secret.span.rawBytes
        )
        return (username, String(decoding: (0..<passwordCount).map { password[$0] }, as: UTF8.self))
    }

    /// The password that belongs to `username`.
    static func password(of username: RawSpan, secret: RawSpan) -> [28 of UInt8] {
        let digest = hmacSHA1(key: secret, username)
        var password: [28 of UInt8] = .init(repeating: UInt8(ascii: "="))
        for group in 0..<7 {
            let characters = Base64.characters(digest.bytes.group(group))
            // The last group has two bytes of the twenty: three characters, and one of padding.
            for index in 0..<(group == 6 ? 3 : 4) {
                password[4 * group + index] = characters[index]
            }
        }
        return password
    }

    /// Reads `expiry`, `expiry:user` or `user:expiry`; nil when no end of the name is a number.
    static func parse(_ username: RawSpan) -> Name? {
        let count = username.byteCount
        let first = (0..<count).first { username.byte($0) == UInt8(ascii: ":") } ?? count
        if let expiry = username.decimal(0..<first) {
            return Name(expiry: expiry, user: min(first + 1, count)..<count)
        }
        guard let last = (0..<count).last(where: { username.byte($0) == UInt8(ascii: ":") }),
            let expiry = username.decimal(last + 1..<count)
        else { return nil }
        return Name(expiry: expiry, user: 0..<last)
    }
}

extension RawSpan {
    /// Three bytes from `3 * index` as a 24-bit number; those past the end are 0.
    fileprivate func group(_ index: Int) -> UInt32 {
        var group: UInt32 = 0
        for offset in 3 * index..<3 * index + 3 {
            group = group &<< 8 | (offset < byteCount ? UInt32(byte(offset)) : 0)
        }
        return group
    }

    /// The decimal number in `range`; nil when it is empty, has anything but digits, or is too large.
    fileprivate func decimal(_ range: Range<Int>) -> UInt64? {
        guard !range.isEmpty else { return nil }
        var number: UInt64 = 0
        for offset in range {
            let digit = byte(offset) &- UInt8(ascii: "0")
            let (tens, isTooLarge) = number.multipliedReportingOverflow(by: 10)
            let (sum, overflow) = tens.addingReportingOverflow(UInt64(digit))
            guard digit <= 9, !isTooLarge, !overflow else { return nil }
            number = sum
        }
        return number
    }
}
