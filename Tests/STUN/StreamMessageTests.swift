import STUN
import Testing

/// The front of a stream (RFC 8489 6.2.2, RFC 8656 12.5).
@Suite struct StreamMessageTests {
    private func front(_ bytes: [UInt8], rfc5766Channels: Bool = false) -> StreamMessage {
        StreamMessage(front: bytes.span.rawBytes, rfc5766Channels: rfc5766Channels)
    }

    private let cookie: [UInt8] = [0x21, 0x12, 0xA4, 0x42]

    @Test func aMessageTakesWhatItsLengthFieldSays() {
        #expect(front([0, 1, 0, 0] + cookie) == .bytes(20))
        #expect(front([0, 1, 0, 8] + cookie + [1, 2, 3]) == .bytes(28))
        #expect(front([0, 1, 0xFF, 0xFC]) == .bytes(65_552))
    }

    @Test func channelDataIsPadded() {
        #expect(front([0x40, 0, 0, 0]) == .bytes(4))
        #expect(front([0x40, 0, 0, 1]) == .bytes(8))
        #expect(front([0x4F, 0xFF, 0, 4, 9]) == .bytes(8))
        #expect(front([0x40, 0, 0xFF, 0xFF]) == .bytes(StreamMessage.maximumChannelDataCount))
    }

    @Test func tooFewBytesSayNothing() {
        #expect(front([]) == .unknown)
        #expect(front([0]) == .unknown)
        #expect(front([0x40, 0, 0]) == .unknown)
    }

    @Test func whatIsNeitherHasNoLength() {
        for first: UInt8 in [4, 19, 22, 63, 80, 127, 128, 255] { #expect(front([first]) == .none) }
        #expect(front([0, 1, 0, 2]) == .none)
        #expect(front([0, 1, 0, 0, 1, 2, 3, 4]) == .none)
    }

    @Test func channelsOfRFC5766AreTakenWhereTheyAreServed() {
        #expect(front([0x7F, 0xFF, 0, 0]) == .none)
        #expect(front([0x7F, 0xFF, 0, 0], rfc5766Channels: true) == .bytes(4))
    }
}
