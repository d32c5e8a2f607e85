/// RFC 8489 section 5 and 14: what is a message and what is not.

import STUN
import Testing

@Suite("RFC 8489 5: framing") struct Framing {
    @Test("A header alone is a message") func headerAlone() {
        #expect(isMessage(header(length: 0)))
    }

    @Test("Every strict prefix of a message is none") func prefixes() {
        for count in 0..<Vector.request.count {
            #expect(!isMessage(Array(Vector.request.prefix(count))), "\(count) bytes")
        }
    }

    @Test("Bytes behind a message make it none") func trailingBytes() {
        for count in 1...8 {
            #expect(!isMessage(Vector.request + [UInt8](repeating: 0, count: count)))
        }
    }

    @Test("Either of the first two bits set: no message", arguments: [0x40, 0x80, 0xC0] as [UInt8])
    func topBits(_ bits: UInt8) {
        var bytes = Vector.request
        bytes[0] |= bits
        #expect(!isMessage(bytes))
    }

    @Test("A wrong cookie: no message", arguments: 4..<8) func cookie(_ offset: Int) {
        var bytes = Vector.request
        bytes[offset] ^= 1
        #expect(!isMessage(bytes))
    }

    @Test("A length that is no multiple of four: no message, even if it is the datagram's")
    func oddLengths() {
        for length in 1...7 where length % 4 != 0 {
            #expect(!isMessage(header(length: length) + [UInt8](repeating: 0, count: length)))
        }
    }

    @Test("14: an attribute that reaches past the end: no message")
    func attributePastEnd() {
        for count in [1, 2, 3, 4, 5, 0x7FFF, 0x8000, 0xFFFC, 0xFFFD, 0xFFFF] {
            let head = hex("8022") + [UInt8(count >> 8), UInt8(count & 0xFF)]
            #expect(!isMessage(header(length: 4) + head), "\(count) announced, 0 there")
        }
        #expect(!isMessage(request(hex("80220005 61626364"))))
    }

    @Test("14: any padding is ignored, also when it is not zero") func padding() throws {
        for count in 0...8 {
            let value = [UInt8](repeating: 0x61, count: count)
            let pad = [UInt8](repeating: 0xFF, count: (4 - count % 4) % 4)
            let bytes = request([0x80, 0x22, 0, UInt8(count)] + value + pad)
            #expect(try Parsed(bytes).value(.software) == value)
        }
    }

    @Test("The longest message there is: 16383 attributes without value")
    func manyAttributes() throws {
        let empty = hex("80220000")
        let body = [UInt8]((0..<16_383).map { _ in empty }.joined())
        let message = try Parsed(header(length: body.count) + body)
        #expect(message.attributes.count == 16_383)
        #expect(message.first(.realm) == nil)
    }

    @Test("One attribute that fills the longest message") func longAttribute() throws {
        let bytes = request(attribute(.data, [UInt8](repeating: 7, count: 65_528)))
        #expect(try Parsed(bytes).first(.data)?.count == 65_528)
    }

    @Test("Every type of 14 bits splits into method and class and comes back")
    func typesRoundTrip() throws {
        for bits in UInt16(0)..<0x4000 {
            let type = try #require(MessageType(rawValue: bits))
            #expect(MessageType(type.method, type.messageClass) == type)
        }
        #expect(MessageType(rawValue: 0x4000) == nil)
        #expect(MessageType(.allocate, .error).rawValue == 0x0113)
        #expect(MessageType(.send, .indication).rawValue == 0x0016)
        #expect(MessageType(Method(rawValue: 0xFFF), .success).rawValue == 0x3FEF)
    }
}
