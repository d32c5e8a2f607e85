/// RFC 8489 section 14: which attributes count, and which must be ignored.

import STUN
import Testing

@Suite("RFC 8489 14: attributes that count") struct Visibility {
    private let sha1 = attribute(.messageIntegrity, [UInt8](repeating: 1, count: 20))
    private let sha256 = attribute(.messageIntegritySHA256, [UInt8](repeating: 2, count: 32))
    private let fingerprint = attribute(.fingerprint, hex("00000000"))
    private let software = attribute(.software, [UInt8]("late".utf8))

    private func types(_ attributes: [UInt8]...) throws -> [AttributeType] {
        try Parsed(request(attributes.flatMap { $0 })).attributes.map(\.type)
    }

    @Test("14: of two attributes of a type the first counts") func firstWins() throws {
        let bytes = request(
            attribute(.lifetime, hex("00000001")),
            attribute(.lifetime, hex("00000002"))
        )
        #expect(try Parsed(bytes).uint32(.lifetime) == 1)
    }

    @Test("14.5: after MESSAGE-INTEGRITY only MESSAGE-INTEGRITY-SHA256 and FINGERPRINT")
    func afterIntegrity() throws {
        #expect(try types(sha1, software) == [.messageIntegrity])
        #expect(try types(sha1, sha1) == [.messageIntegrity])
        let all = try types(sha1, software, sha256, software, fingerprint)
        #expect(all == [.messageIntegrity, .messageIntegritySHA256, .fingerprint])
    }

    @Test("14.6: after MESSAGE-INTEGRITY-SHA256 only FINGERPRINT")
    func afterIntegritySHA256() throws {
        let all = try types(software, sha256, sha1, software, sha256, fingerprint)
        #expect(all == [.software, .messageIntegritySHA256, .fingerprint])
    }

    @Test("14.7: after FINGERPRINT nothing") func afterFingerprint() throws {
        #expect(try types(fingerprint, software, sha1, sha256, fingerprint) == [.fingerprint])
    }

    @Test("14.5: a second XOR-PEER-ADDRESS smuggled in after MESSAGE-INTEGRITY is not found")
    func smuggledAttribute() throws {
        let peer = attribute(.xorPeerAddress, hex("0001a147e112a643"))
        #expect(try Parsed(request(sha1, peer)).first(.xorPeerAddress) == nil)
    }

    @Test("14.5: what follows MESSAGE-INTEGRITY is not covered by it") func coverage() throws {
        let key = try integrityKey(Vector.password)
        var bytes = Array(Vector.request.dropLast(8)) + software + sha256
        bytes[3] = UInt8(bytes.count - 20)
        #expect(try Parsed(bytes).integrity(.sha1, key))
    }

    @Test("14.5: MESSAGE-INTEGRITY of another size than 20 never holds") func wrongSize() throws {
        let key = try integrityKey(Vector.password)
        for count in [0, 4, 16, 19, 21, 24, 32] {
            let mark = attribute(.messageIntegrity, [UInt8](repeating: 0, count: count))
            #expect(try !Parsed(request(mark)).integrity(.sha1, key))
        }
    }

    @Test("14.7: FINGERPRINT that is not last, or not of four bytes, is invalid")
    func misplacedFingerprint() throws {
        func check(_ bytes: [UInt8]) throws -> FingerprintCheck {
            try Parsed(bytes).fingerprint
        }
        var bytes = Vector.request + software
        bytes[3] = UInt8(bytes.count - 20)
        #expect(try check(bytes) == .invalid)
        #expect(try check(request(attribute(.fingerprint, hex("0000")))) == .invalid)
        #expect(try check(request(attribute(.fingerprint, []))) == .invalid)
        #expect(try check(request(fingerprint)) == .invalid)
        #expect(try check(request(software)) == .absent)
    }

    @Test("14: types below 0x8000 must be understood") func comprehension() {
        #expect(AttributeType(rawValue: 0x7FFF).isComprehensionRequired)
        #expect(!AttributeType(rawValue: 0x8000).isComprehensionRequired)
    }
}
