/// Statements that only this server can have made, until they expire; behind room tokens and the keys of pages.

import STUN

/// Signs statements with a key: an HMAC-SHA256 over what it is for, the statement and when it ends.
struct Signer: Sendable {
    /// Characters of a signature: 128 bits in hexadecimal, past guessing where each guess is a request.
    static let signatureCount = 32

    private let key: [UInt8]

    /// A signer with a key; nil when it is so short that it could be guessed.
    init?(key: String) {
        if key.utf8.count < 16 { return nil }
        self.key = Array(key.utf8)
    }

    /// A signer with a key that ends with the process.
    init() {
        var generator = SystemRandomNumberGenerator()
        key = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    /// The signature of a statement, in lower-case hexadecimal.
    ///
    /// Neither the purpose, which keeps kinds of statements apart, nor the time's digits hold a NUL: what is signed
    /// can be read in one way only.
    func signature(of statement: String, for purpose: String, until expiry: UInt64) -> String {
        let message = Array("\(purpose)\0\(statement)\0\(expiry)".utf8)
        let digest = hmacSHA256(key: key.span.bytes, message.span.bytes)
        // The bytes are copied before the digest goes.
        let bytes = digest.bytes.withUnsafeBytes { Array($0.prefix(Self.signatureCount / 2)) }
        return bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// Whether a signature is right and its time has not come; takes as long for a wrong one.
    func accepts(
        _ signature: some StringProtocol,
        of statement: String,
        for purpose: String,
        until expiry: UInt64,
        at unixSeconds: UInt64
    ) -> Bool {
        let right = self.signature(of: statement, for: purpose, until: expiry)
        return isEqualInConstantTime(String(signature), right) && unixSeconds < expiry
    }
}

/// Whether two texts have the same bytes, in a time that depends on their lengths alone.
func isEqualInConstantTime(_ first: String, _ second: String) -> Bool {
    let first = Array(first.utf8)
    let second = Array(second.utf8)
    return first.span.bytes.isEqualInConstantTime(to: second.span.bytes)
}

/// A number of decimal digits and nothing else, as times stand in tokens.
func decimal(_ text: some StringProtocol) -> UInt64? {
    text.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 } ? UInt64(text) : nil
}
