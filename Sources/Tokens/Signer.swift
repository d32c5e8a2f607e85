/// Statements that only this server can have made, until they expire; behind room tokens and the keys of pages.

import STUN

/// Signs statements of one purpose with a key: an HMAC-SHA256 over the purpose, the statement and when it ends.
public struct Signer: Sendable {
    /// Bytes of a signature: past guessing where each guess is a request.
    private static let signatureBytes = 16

    private let key: [UInt8]
    private let purpose: String

    /// A signer with a key; nil when it is so short that it could be guessed.
    public init?(key: String, for purpose: String) {
        if key.utf8.count < 16 { return nil }
        self.key = Array(key.utf8)
        self.purpose = purpose
    }

    /// A signer with a key that ends with the process.
    public init(for purpose: String) {
        key = (0..<32).map { _ in UInt8.random(in: .min ... .max) }
        self.purpose = purpose
    }

    /// `EXPIRY.SIGNATURE` for a statement: seconds since 1970, and lower-case hexadecimal.
    ///
    /// Neither the purpose, which keeps kinds of statements apart, nor the time's digits hold a NUL: what is signed
    /// can be read in one way only.
    public func token(of statement: String, until expiry: UInt64) -> String {
        let message = Array("\(purpose)\0\(statement)\0\(expiry)".utf8)
        let digest = hmacSHA256(key: key.span.bytes, message.span.bytes)
        // The bytes are copied before the digest goes.
        let bytes = digest.bytes.withUnsafeBytes { Array($0.prefix(Self.signatureBytes)) }
        let hexadecimal = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        return "\(expiry).\(hexadecimal)"
    }

    /// Whether a token is right and its time has not come; takes as long for a wrong one.
    public func accepts(_ token: String, of statement: String, at unixSeconds: UInt64) -> Bool {
        guard let expiry = decimal(token.prefix { $0 != "." }) else { return false }
        let right = self.token(of: statement, until: expiry)
        return isEqualInConstantTime(token, right) && unixSeconds < expiry
    }
}

/// Whether two texts have the same bytes, in a time that depends on their lengths alone.
public func isEqualInConstantTime(_ first: String, _ second: String) -> Bool {
    let (first, second) = (Array(first.utf8), Array(second.utf8))
    return first.span.bytes.isEqualInConstantTime(to: second.span.bytes)
}

/// A number of decimal digits and nothing else, as times stand in tokens.
public func decimal(_ text: some StringProtocol) -> UInt64? {
    text.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 } ? UInt64(text) : nil
}
