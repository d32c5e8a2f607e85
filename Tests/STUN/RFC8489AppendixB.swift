/// RFC 8489 Appendix B.1: MESSAGE-INTEGRITY-SHA256, USERHASH and PASSWORD-ALGORITHM.

import STUN
import Testing

@Suite("RFC 8489 Appendix B.1") struct RFC8489AppendixB {
    private let key = Vector.longTermKey(.sha256)

    @Test("MESSAGE-INTEGRITY-SHA256 under SHA-256(username:realm:password)")
    func requestIsAuthentic() throws {
        let message = try Parsed(Vector.sha256Request)
        #expect(message.integrity(.sha256, key))
        #expect(!message.integrity(.sha1, key))
        let number = try #require(message.uint16(.passwordAlgorithm))
        #expect(PasswordAlgorithm(rawValue: number) == .sha256)
    }

    @Test("USERHASH is SHA-256(username:realm)")
    func userhashMatches() throws {
        let (username, realm) = (Vector.username, Vector.realm)
        let digest = userhash(username: username.span.bytes, realm: realm.span.bytes)
        let expected = array(digest.bytes)
        #expect(try Parsed(Vector.sha256Request).value(.userhash) == expected)
    }

    @Test("The message as first printed, whose length is wrong (erratum 6268), is none")
    func misprintIsRefused() {
        var bytes = Vector.sha256Request
        bytes[3] = 0x9C
        #expect(!isMessage(bytes))
    }

    @Test("14.6: truncated, it holds for 16, 20, 24, 28 bytes and for no other count")
    func truncation() throws {
        let whole = Vector.sha256Request.count
        for count in stride(from: 0, through: 32, by: 1) {
            let digest = truncatedDigest(count)
            let body = Vector.sha256Request[20..<whole - 36]
            let mark = attribute(.messageIntegritySHA256, digest)
            let bytes = Array(Vector.sha256Request[..<20]) + body + mark
            let sized = withLength(bytes)
            let isAuthentic = try Parsed(sized).integrity(.sha256, key)
            #expect(isAuthentic == (count >= 16 && count % 4 == 0), "\(count) bytes")
        }
    }

    /// The first `count` bytes of the HMAC of the request when the attribute has `count` bytes.
    private func truncatedDigest(_ count: Int) -> [UInt8] {
        let covered = Array(Vector.sha256Request.dropLast(36))
        let padded = (count + 3) & ~3
        let sized = withLength(covered, covered.count - 20 + 4 + padded)
        return Array(array(hmacSHA256(key: key.bytes, sized.span.bytes).bytes).prefix(count))
    }

    private func withLength(_ bytes: [UInt8], _ length: Int? = nil) -> [UInt8] {
        var bytes = bytes
        let length = length ?? bytes.count - 20
        bytes[2] = UInt8(length >> 8)
        bytes[3] = UInt8(length & 0xFF)
        return bytes
    }
}
