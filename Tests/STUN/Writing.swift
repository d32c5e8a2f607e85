/// The writer: round trips, padding, and what happens when it does not fit.

import STUN
import Testing

@Suite("MessageWriter") struct Writing {
    @Test("Every kind of value comes back") func roundTrip() throws {
        let ipv6 = try #require(TransportAddress("[2001:db8::7]:9"))
        let bytes = try #require(
            written { writer in
                writer.append(.dontFragment)
                writer.append(.evenPort, uint8: 0x80)
                writer.append(.channelNumber, uint16: 0x4001)
                writer.append(.lifetime, uint32: 600)
                writer.append(.reservationToken, uint64: 0x0102_0304_0506_0708)
                writer.append(.realm, bytes: Array("example.org".utf8))
                writer.append(.nonce, text: "n")
                writer.append(.xorRelayedAddress, xorAddress: ipv6)
                writer.append(.alternateServer, address: ipv6)
            }
        )
        let message = try Parsed(bytes)
        #expect(message.value(.dontFragment) == [])
        #expect(message.value(.evenPort) == [0x80])
        #expect(message.uint16(.channelNumber) == 0x4001)
        #expect(message.uint32(.lifetime) == 600)
        #expect(message.uint64(.reservationToken) == 0x0102_0304_0506_0708)
        #expect(message.value(.realm) == Array("example.org".utf8))
        #expect(message.value(.nonce) == Array("n".utf8))
        #expect(message.xorAddress(.xorRelayedAddress) == ipv6)
        #expect(message.address(.alternateServer) == ipv6)
    }

    @Test("Padding is zero, whatever the memory held (CVE-2020-4067)") func zeroPadding() throws {
        for count in 1...8 {
            let value = [UInt8](repeating: 0x55, count: count)
            let bytes = try #require(written { $0.append(.software, bytes: value) })
            #expect(bytes[24..<24 + count].allSatisfy { $0 == 0x55 })
            #expect(bytes[(24 + count)...].allSatisfy { $0 == 0 }, "\(count) bytes")
            #expect(bytes.count % 4 == 0)
        }
    }

    @Test("A Binding answer is 32 bytes for IPv4 and 44 for IPv6") func bindingAnswers() throws {
        for (text, count) in [("192.0.2.1:1", 32), ("[2001:db8::1]:1", 44)] {
            let address = try #require(TransportAddress(text))
            let bytes = written { $0.append(.xorMappedAddress, xorAddress: address) }
            #expect(bytes?.count == count)
        }
    }

    @Test("A buffer of any size below what is needed: nil, and nothing written outside")
    func overflow() throws {
        let key = try integrityKey(Vector.password)
        let address = try #require(TransportAddress("192.0.2.1:1"))
        func write(_ writer: inout MessageWriter) {
            writer.append(.xorMappedAddress, xorAddress: address)
            writer.append(.software, text: "turnpike")
            writer.appendErrorCode(.unauthorized, reason: "Unauthenticated")
            writer.appendIntegrity(.sha1, key: key)
            writer.appendIntegrity(.sha256, key: key)
            writer.appendFingerprint()
        }
        let whole = written { write(&$0) }?.count ?? 0
        #expect(whole == 20 + 12 + 12 + 24 + 24 + 36 + 8)
        for capacity in 0..<whole {
            let bytes = written(capacity: capacity) { write(&$0) }
            #expect(bytes == nil, "\(capacity) bytes")
        }
        let exact = written(capacity: whole) { write(&$0) }
        #expect(exact?.count == whole)
    }

    @Test("After an attribute that does not fit nothing is written, even if it would fit")
    func overflowSticks() {
        let bytes = written(capacity: 40) { writer in
            writer.append(.software, bytes: [UInt8](repeating: 1, count: 100))
            writer.append(.lifetime, uint32: 1)
            let overflowed = writer.overflowed
            #expect(overflowed)
        }
        #expect(bytes == nil)
    }

    @Test("More than 65 535 bytes do not fit a message") func lengthLimit() {
        let value = [UInt8](repeating: 0, count: 65_528)
        let longest = written(capacity: 200_000) { $0.append(.data, bytes: value) }
        #expect(longest?.count == 20 + 4 + 65_528)
        #expect(written(capacity: 200_000) { $0.append(.data, bytes: value + [0]) } == nil)
        let tooLong = [UInt8](repeating: 0, count: 70_000)
        #expect(written(capacity: 200_000) { $0.append(.data, bytes: tooLong) } == nil)
        let two = written(capacity: 200_000) { writer in
            writer.append(.data, bytes: value)
            writer.append(.dontFragment)
        }
        #expect(two == nil)
    }

    @Test("14.9: UNKNOWN-ATTRIBUTES, padded when odd, each type once, at most sixteen")
    func unknownAttributes() throws {
        var unknown = UnknownAttributes()
        #expect(unknown.isEmpty)
        for type in [1, 2, 1, 3] as [UInt16] { unknown.insert(AttributeType(rawValue: type)) }
        #expect(unknown.count == 3)
        let bytes = try #require(written { $0.appendUnknownAttributes(unknown) })
        #expect(bytes[20...] == hex("000a0006 0001000200030000")[...])
        for type in UInt16(0)..<100 { unknown.insert(AttributeType(rawValue: type)) }
        #expect(unknown.count == UnknownAttributes.capacity)
    }

    @Test("Both integrity attributes and FINGERPRINT hold together") func bothIntegrities() throws {
        let key = try integrityKey(Vector.password)
        let bytes = try #require(
            written { writer in
                writer.append(.lifetime, uint32: 600)
                writer.appendIntegrity(.sha1, key: key)
                writer.appendIntegrity(.sha256, key: key)
                writer.appendFingerprint()
            }
        )
        let message = try Parsed(bytes)
        #expect(message.integrity(.sha1, key))
        #expect(message.integrity(.sha256, key))
        #expect(message.fingerprint == .valid)
    }

    @Test("A trailing DATA attribute whose value and padding follow", arguments: 0...9)
    func trailingValue(_ count: Int) throws {
        let peer = try #require(TransportAddress("192.0.2.1:9"))
        var buffer = [UInt8](repeating: 0xEE, count: 36)
        var span = buffer.mutableSpan
        var bytes = span.mutableBytes
        var writer = MessageWriter(
            into: &bytes,
            type: MessageType(.data, .indication),
            transactionID: TransactionID(high: 1, low: 2)
        )
        writer.append(.xorPeerAddress, xorAddress: peer)
        let written = writer.finish(trailing: .data, count: count)
        #expect(written == 36)
        let payload = [UInt8](repeating: 0x77, count: count)
        let padding = [UInt8](repeating: 0, count: (4 - count % 4) % 4)
        #expect(try Parsed(buffer + payload + padding).value(.data) == payload)
    }

    @Test("A trailing attribute that does not fit is nil", arguments: [-1, 65_500, 65_536, .max])
    func trailingOverflow(_ count: Int) {
        var buffer = [UInt8](repeating: 0, count: 100)
        var span = buffer.mutableSpan
        var bytes = span.mutableBytes
        var writer = MessageWriter(
            into: &bytes,
            type: MessageType(.data, .indication),
            transactionID: TransactionID(high: 1, low: 2)
        )
        writer.append(.software, bytes: [UInt8](repeating: 1, count: 60))
        let written = writer.finish(trailing: .data, count: count)
        #expect(written == nil)
    }
}
