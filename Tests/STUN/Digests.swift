/// The digests against published values, and against themselves in pieces.

import STUN
import Testing

@Suite("Digests") struct Digests {
    private func hash(_ text: String, _ algorithm: PasswordAlgorithm) -> [UInt8] {
        let bytes = Array(text.utf8)
        switch algorithm {
        case .md5: return array(md5(bytes.span.bytes).bytes)
        case .sha256: return array(sha256(bytes.span.bytes).bytes)
        }
    }

    private func hmac(
        _ kind: IntegrityKind,
        _ key: [UInt8],
        _ first: [UInt8],
        _ second: [UInt8] = []
    ) -> [UInt8] {
        let (key, first, second) = (key.span.bytes, first.span.bytes, second.span.bytes)
        switch kind {
        case .sha1: return array(hmacSHA1(key: key, first, second).bytes)
        case .sha256: return array(hmacSHA256(key: key, first, second).bytes)
        }
    }

    private func areEqual(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        one.span.bytes.isEqualInConstantTime(to: other.span.bytes)
    }

    private let hi = Array("Hi There".utf8)
    private let question = Array("what do ya want for nothing?".utf8)
    private let text = Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8)

    private func key(_ byte: UInt8, _ count: Int) -> [UInt8] {
        [UInt8](repeating: byte, count: count)
    }

    @Test("RFC 1321 and FIPS 180: MD5 and SHA-256 of abc and of nothing") func hashes() {
        #expect(hash("abc", .md5) == hex("900150983cd24fb0d6963f7d28e17f72"))
        #expect(hash("", .md5) == hex("d41d8cd98f00b204e9800998ecf8427e"))
        let abc = hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(hash("abc", .sha256) == abc)
        let empty = hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(hash("", .sha256) == empty)
    }

    @Test("FIPS 180: SHA-1 of abc in two pieces") func sha1InPieces() {
        let expected = hex("a9993e364706816aba3e25717850c26c9cd0d89d")
        let (first, second) = (Array("a".utf8), Array("bc".utf8))
        #expect(array(sha1(first.span.bytes, second.span.bytes).bytes) == expected)
    }

    @Test("RFC 2202 3: HMAC-SHA1, test cases 1, 2 and 6") func hmacWithSHA1() {
        let first = hex("b617318655057264e28bc0b6fb378c8ef146be00")
        #expect(hmac(.sha1, key(0x0B, 20), hi) == first)
        let second = hex("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79")
        #expect(hmac(.sha1, Array("Jefe".utf8), question) == second)
        let sixth = hex("aa4ae5e15272d00e95705637ce8a3b55ed402112")
        #expect(hmac(.sha1, key(0xAA, 80), text) == sixth)
    }

    @Test("RFC 4231 4: HMAC-SHA256, test cases 1, 2 and 6") func hmacWithSHA256() {
        let first = hex("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
        #expect(hmac(.sha256, key(0x0B, 20), hi) == first)
        let second = hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        #expect(hmac(.sha256, Array("Jefe".utf8), question) == second)
        let sixth = hex("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
        #expect(hmac(.sha256, key(0xAA, 131), text) == sixth)
    }

    @Test("A message in two pieces has the HMAC of the whole") func pieces() {
        let message = (0..<200).map { UInt8($0) }
        let whole1 = hmac(.sha1, key(7, 64), message)
        let whole256 = hmac(.sha256, key(7, 64), message)
        for cut in 0...message.count {
            let (head, tail) = (Array(message[..<cut]), Array(message[cut...]))
            #expect(hmac(.sha1, key(7, 64), head, tail) == whole1)
            #expect(hmac(.sha256, key(7, 64), head, tail) == whole256)
        }
    }

    @Test("A key of more than 32 bytes is refused, one of 0...32 kept") func keyCounts() throws {
        for count in 0...32 {
            let key = try integrityKey(key(5, count))
            let kept = array(key.bytes)
            #expect(kept == self.key(5, count))
        }
        #expect(throws: NotThere.self) { try integrityKey(key(5, 33)) }
    }

    @Test("Comparison in constant time compares") func comparison() {
        let one = hex("0102030405")
        for index in one.indices {
            var other = one
            other[index] ^= 0x80
            #expect(!areEqual(one, other))
        }
        #expect(areEqual(one, hex("0102030405")))
        #expect(!areEqual(one, hex("01020304")))
        #expect(areEqual([], []))
    }
}
