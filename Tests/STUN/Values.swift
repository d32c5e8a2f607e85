/// RFC 8489 section 14: the values of attributes, and those that are malformed.

import STUN
import Testing

@Suite("RFC 8489 14: values") struct Values {
    /// A message whose only attribute is XOR-PEER-ADDRESS with `value`.
    private func message(_ value: [UInt8]) throws -> Parsed {
        try Parsed(request(attribute(.xorPeerAddress, value)))
    }

    @Test("A number that does not lie inside the value is nil, even if padding or more follows")
    func numbersInside() throws {
        let five = try message(hex("0102030405"))
        #expect(five.uint8(.xorPeerAddress, at: 4) == 5)
        #expect(five.uint8(.xorPeerAddress, at: 5) == nil)
        #expect(five.uint16(.xorPeerAddress, at: 3) == 0x0405)
        #expect(five.uint16(.xorPeerAddress, at: 4) == nil)
        #expect(five.uint32(.xorPeerAddress) == 0x0102_0304)
        #expect(five.uint32(.xorPeerAddress, at: 1) == 0x0203_0405)
        #expect(five.uint32(.xorPeerAddress, at: 2) == nil)
        #expect(five.uint64(.xorPeerAddress) == nil)
        #expect(five.uint8(.xorPeerAddress, at: -1) == nil)
        #expect(five.uint16(.xorPeerAddress, at: .max) == nil)
        #expect(five.uint64(.xorPeerAddress, at: .min) == nil)
        let none = try message([])
        #expect(none.uint8(.xorPeerAddress) == nil)
        #expect(none.uint16(.xorPeerAddress) == nil)
        let eight = try message(hex("0102030405060708"))
        #expect(eight.uint64(.xorPeerAddress) == 0x0102_0304_0506_0708)
    }

    @Test("14.1: family and count must agree", arguments: 0...24) func addressCounts(_ count: Int)
        throws
    {
        for family in UInt8(0)...3 {
            var value = [UInt8](repeating: 9, count: count)
            if count > 1 { value[1] = family }
            let address = try message(value).xorAddress(.xorPeerAddress)
            let isRight = (family == 1 && count == 8) || (family == 2 && count == 20)
            #expect((address != nil) == isRight, "family \(family), \(count) bytes")
        }
    }

    @Test("14.1: the first byte of an address is ignored") func reservedByte() throws {
        let address = try message(hex("ff01a147e112a643")).xorAddress(.xorPeerAddress)
        #expect(address == TransportAddress("192.0.2.1:32853"))
    }

    @Test("An IPv4-mapped address is reported as sent; its canonical form is IPv4")
    func mappedAddressIsKept() throws {
        let mapped = try #require(TransportAddress("[::ffff:127.0.0.1]:80"))
        let bytes = try #require(written { $0.append(.xorPeerAddress, xorAddress: mapped) })
        let address = try #require(Parsed(bytes).xorAddress(.xorPeerAddress))
        #expect(address == mapped)
        #expect(address.ip.canonical == IPAddress("127.0.0.1"))
    }

    @Test("14.8: ERROR-CODE", arguments: [300, 401, 438, 486, 508, 699] as [UInt16])
    func errorCodes(_ value: UInt16) throws {
        let bytes = try #require(
            written(type: MessageType(.allocate, .error)) {
                $0.appendErrorCode(ErrorCode(value), reason: "why")
            }
        )
        #expect(bytes[24...] == [0, 0, UInt8(value / 100), UInt8(value % 100), 119, 104, 121, 0])
        let message = try Parsed(bytes)
        #expect(message.first(.errorCode)?.count == 7)
        #expect(message.errorCode(.errorCode) == ErrorCode(value))
    }

    @Test("14.8: hundreds outside 3...6, a rest above 99 or a short value is no code")
    func malformedErrorCodes() throws {
        for text in ["00000200", "00000700", "00000464", "000004", ""] {
            #expect(try message(hex(text)).errorCode(.xorPeerAddress) == nil, "\(text)")
        }
    }
}
