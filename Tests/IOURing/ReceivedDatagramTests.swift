import Glibc
import Testing

@testable import IOURing

/// The view over `io_uring_recvmsg_out`, with bytes put together by hand.
@Suite struct ReceivedDatagramTests {
    static func image(
        name: [UInt8] = [2, 0, 0x0D, 0x96, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0],
        control: [UInt8] = [],
        controlCount: Int? = nil,
        payloadCount: UInt32,
        present: Int,
        flags: UInt32 = 0
    ) -> [UInt8] {
        func little(_ value: UInt32) -> [UInt8] {
            [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: value >> $0) }
        }
        var bytes = little(UInt32(name.count)) + little(UInt32(controlCount ?? control.count))
        bytes += little(payloadCount) + little(flags)
        bytes += name + [UInt8](repeating: 0, count: 28 - name.count)
        bytes += control + [UInt8](repeating: 0, count: 68 - control.count)
        return bytes + [UInt8](repeating: 0xAA, count: present)
    }

    static func gro(_ size: UInt16) -> [UInt8] {
        [20, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0, 0, 104, 0, 0, 0]
            + [UInt8(truncatingIfNeeded: size), UInt8(size >> 8), 0, 0, 0, 0, 0, 0]
    }

    @Test func singleDatagram() throws {
        let bytes = Self.image(payloadCount: 300, present: 300)
        let datagram = try require(ReceivedDatagram(in: bytes.span.bytes))
        #expect(datagram.source == SocketAddress(ipv4: 0xC000_0201, port: 3478))
        #expect(datagram.payloadCount == 300)
        #expect(datagram.segmentSize == 300)
        #expect(datagram.datagramCount == 1)
        #expect(!datagram.isTruncated)
    }

    @Test func coalescedDatagrams() throws {
        let bytes = Self.image(control: Self.gro(100), payloadCount: 250, present: 250)
        let datagram = try require(ReceivedDatagram(in: bytes.span.bytes))
        #expect(datagram.segmentSize == 100)
        #expect(datagram.datagramCount == 3)
    }

    @Test func groMessageIsFoundAfterAnother() throws {
        // IP_TOS, one byte of value padded to 24.
        let tos: [UInt8] =
            [17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0] + [UInt8](repeating: 0, count: 8)
        let bytes = Self.image(control: tos + Self.gro(100), payloadCount: 250, present: 250)
        let datagram = try require(ReceivedDatagram(in: bytes.span.bytes))
        #expect(datagram.segmentSize == 100)
    }

    @Test func segmentSizeLargerThanThePayloadIsThePayload() throws {
        let bytes = Self.image(control: Self.gro(1000), payloadCount: 250, present: 250)
        let datagram = try require(ReceivedDatagram(in: bytes.span.bytes))
        #expect(datagram.segmentSize == 250)
        #expect(datagram.datagramCount == 1)
    }

    @Test func payloadThatWasCutOffIsMarked() throws {
        let short = Self.image(payloadCount: 300, present: 200)
        let cut = try require(ReceivedDatagram(in: short.span.bytes))
        #expect(cut.isTruncated)
        #expect(cut.payloadCount == 200)
        let flagged = Self.image(payloadCount: 200, present: 200, flags: UInt32(MSG_TRUNC))
        let whole = try require(ReceivedDatagram(in: flagged.span.bytes))
        #expect(whole.isTruncated)
    }

    @Test func sourceThatIsNoAddressIsNothing() {
        for name in [
            [], [1, 0], [UInt8](repeating: 9, count: 16),
            [10, 0] + [UInt8](repeating: 0, count: 20),
        ] {
            let bytes = Self.image(name: name, payloadCount: 1, present: 1)
            #expect(ReceivedDatagram(in: bytes.span.bytes) == nil)
        }
    }

    @Test func anyBytesAreReadWithoutATrap() {
        var random = SeededGenerator(seed: 1)
        for round in 0..<4000 {
            let count = Int.random(in: 0...200, using: &random)
            var bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            if round % 2 == 0, count >= 112 {
                // A source that is read, so that the control messages are too.
                bytes.replaceSubrange(
                    0..<20,
                    with: [16, 0, 0, 0, 68, 0, 0, 0] + bytes[8..<16] + [2, 0, 0, 0]
                )
                if round % 4 == 0 {
                    bytes.replaceSubrange(44..<60, with: Self.gro(0)[0..<16])
                    bytes[44] = UInt8.random(in: 0...70, using: &random)
                }
            }
            guard let datagram = ReceivedDatagram(in: bytes.span.bytes) else { continue }
            #expect(datagram.payloadOffset + datagram.payloadCount <= bytes.count)
            #expect(datagram.segmentSize <= datagram.payloadCount)
            #expect(datagram.segmentSize >= 0)
        }
    }
}
