/// RFC 5769: sample messages, read and made again byte for byte.

import STUN
import Testing

@Suite("RFC 5769") struct RFC5769 {
    private func passwordKey() throws -> IntegrityKey {
        try integrityKey(Vector.password)
    }

    private func isAuthentic(_ bytes: [UInt8], _ key: IntegrityKey) throws -> Bool {
        try Parsed(bytes).integrity(.sha1, key)
    }

    private func check(_ bytes: [UInt8]) throws -> FingerprintCheck {
        try Parsed(bytes).fingerprint
    }

    @Test("2.1, 2.2, 2.3: MESSAGE-INTEGRITY and FINGERPRINT hold")
    func shortTermMessagesAreAuthentic() throws {
        for bytes in [Vector.request, Vector.responseIPv4, Vector.responseIPv6] {
            #expect(try isAuthentic(bytes, passwordKey()))
            #expect(try check(bytes) == .valid)
        }
    }

    @Test("2.1: one flipped bit anywhere breaks MESSAGE-INTEGRITY or FINGERPRINT")
    func flippedBitIsNoticed() throws {
        let key = try passwordKey()
        for bit in 0..<Vector.request.count * 8 {
            var bytes = Vector.request
            bytes[bit / 8] ^= 1 << (bit % 8)
            guard isMessage(bytes) else { continue }
            let isAuthentic = try isAuthentic(bytes, key)
            let fingerprint = try check(bytes)
            #expect(!isAuthentic || fingerprint != .valid, "bit \(bit)")
        }
    }

    @Test("2.1: the attributes are what the RFC says")
    func requestAttributes() throws {
        let message = try Parsed(Vector.request)
        #expect(message.type.method == .binding)
        #expect(message.type.messageClass == .request)
        let transaction = TransactionID(high: 0xB7E7_A701, low: 0xBC34_D686_FA87_DFAE)
        #expect(message.transactionID == transaction)
        #expect(message.value(.software) == Array("STUN test client".utf8))
        #expect(message.value(.username) == Array("evtj:h6vY".utf8))
        #expect(message.first(.realm) == nil)
    }

    @Test("2.2: XOR-MAPPED-ADDRESS 192.0.2.1:32853")
    func mappedIPv4() throws {
        let address = try Parsed(Vector.responseIPv4).xorAddress(.xorMappedAddress)
        #expect(address == TransportAddress("192.0.2.1:32853"))
    }

    @Test("2.3: XOR-MAPPED-ADDRESS [2001:db8:1234:5678:11:2233:4455:6677]:32853")
    func mappedIPv6() throws {
        let address = try Parsed(Vector.responseIPv6).xorAddress(.xorMappedAddress)
        #expect(address == TransportAddress("[2001:db8:1234:5678:11:2233:4455:6677]:32853"))
    }

    @Test("2.4: MESSAGE-INTEGRITY under MD5(username:realm:password)")
    func longTermRequestIsAuthentic() throws {
        let key = Vector.longTermKey(.md5)
        #expect(try isAuthentic(Vector.longTermRequest, key))
        #expect(try check(Vector.longTermRequest) == .absent)
        #expect(try !isAuthentic(Vector.longTermRequest, passwordKey()))
    }

    @Test("2.2: the writer makes the same attributes, and marks that verify")
    func writerMakesResponse() throws {
        let key = try passwordKey()
        let address = try #require(TransportAddress("192.0.2.1:32853"))
        let bytes = try #require(
            written { writer in
                writer.append(.software, text: "test vector")
                writer.append(.xorMappedAddress, xorAddress: address)
                writer.appendIntegrity(.sha1, key: key)
                writer.appendFingerprint()
            }
        )
        // The RFC pads SOFTWARE with a space, we pad with zero; up to there and in between all is equal.
        #expect(bytes.count == Vector.responseIPv4.count)
        #expect(bytes[..<35] == Vector.responseIPv4[..<35])
        #expect(bytes[35] == 0)
        #expect(bytes[36..<52] == Vector.responseIPv4[36..<52])
        #expect(try isAuthentic(bytes, key))
        #expect(try check(bytes) == .valid)
    }

    @Test("2.4: the writer makes the same message")
    func writerMakesLongTermRequest() throws {
        let key = Vector.longTermKey(.md5)
        var buffer = [UInt8](repeating: 0xEE, count: 200)
        var span = buffer.mutableSpan
        var output = span.mutableBytes
        var writer = MessageWriter(
            into: &output,
            type: MessageType(.binding, .request),
            transactionID: TransactionID(high: 0x78AD_3433, low: 0xC6AD_72C0_29DA_412E)
        )
        writer.append(.username, bytes: Vector.username)
        writer.append(.nonce, text: "f//499k954d6OL34oL9FSTvy64sA")
        writer.append(.realm, bytes: Vector.realm)
        writer.appendIntegrity(.sha1, key: key)
        let count = writer.finish()
        #expect(count == Vector.longTermRequest.count)
        #expect([UInt8](buffer.prefix(Vector.longTermRequest.count)) == Vector.longTermRequest)
    }
}
