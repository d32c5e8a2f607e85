/// RFC 7983 section 7 and RFC 8656 section 12: what is not STUN.

import STUN
import Testing

@Suite("RFC 7983 7: first byte") struct FirstByte {
    @Test("The table") func table() {
        for byte in UInt8.min...UInt8.max {
            let expected: DatagramKind =
                switch byte {
                case 0...3: .stun
                case 20...63: .dtls
                case 64...79: .channelData
                default: .other
                }
            #expect(DatagramKind(firstByte: byte) == expected, "\(byte)")
            let wide = DatagramKind(firstByte: byte, rfc5766Channels: true)
            #expect(wide == ((80...127).contains(byte) ? .channelData : expected), "\(byte)")
        }
    }
}

@Suite("RFC 8656 12.4: ChannelData") struct ChannelDataMessages {
    private func parse(_ text: String) -> (UInt16, Int)? {
        ChannelData(hex(text).span.bytes).map { ($0.channel, $0.count) }
    }

    @Test("Channel and length; padding and whatever follows are ignored") func valid() throws {
        #expect(try #require(parse("40000000")) == (0x4000, 0))
        #expect(try #require(parse("4fff0003 010203")) == (0x4FFF, 3))
        #expect(try #require(parse("40010003 01020300")) == (0x4001, 3))
        #expect(try #require(parse("7fff0001 0102030405060708")) == (0x7FFF, 1))
    }

    @Test("A length beyond the datagram, or less than a header: none") func invalid() {
        for text in ["", "40", "4000", "400000", "40000001", "4000ffff 00", "40000004 010203"] {
            #expect(parse(text) == nil, "\(text)")
        }
    }

    @Test("First two bits other than 01: none") func otherBits() {
        for text in ["3fff0000", "00000000", "80000000", "ffff0000"] {
            #expect(parse(text) == nil, "\(text)")
        }
    }

    @Test("A header that is written is read again") func headerRoundTrip() throws {
        for (channel, count) in [(0x4000, 0), (0x4ABC, 1200), (0x4FFF, 65_535)] {
            var bytes = [UInt8](repeating: 0, count: 4 + count)
            var span = bytes.mutableSpan
            var output = span.mutableBytes
            ChannelData.writeHeader(channel: UInt16(channel), count: count, into: &output)
            let header = ChannelData(bytes.span.bytes)
            #expect(header.map { Int($0.channel) } == channel)
            #expect(header?.count == count)
        }
    }
}
