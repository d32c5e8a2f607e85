/// Frames of a WebSocket (RFC 6455 section 5): whole, in fragments, cut, broken.

import Testing

@testable import RelayLoop

/// A frame as a client sends it.
private func frame(
    _ opcode: UInt8,
    _ payload: [UInt8],
    final: Bool = true,
    key: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
) -> [UInt8] {
    let count = payload.count
    let length: [UInt8] =
        count < 126
        ? [UInt8(count)]
        : count <= 65_535
            ? [126, UInt8(count >> 8), UInt8(count & 255)]
            : [127] + (0..<8).map { UInt8(truncatingIfNeeded: count >> (56 - 8 * $0)) }
    return [(final ? 0x80 : 0) | opcode, 0x80 | length[0]] + length.dropFirst() + key
        + payload.enumerated().map { $1 ^ key[$0 % 4] }
}

private func pattern(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ $0 >> 8) }
}

/// What the front of some bytes is, and the payload if it has one.
private func first(_ bytes: inout [UInt8]) -> (frame: WebSocketFrame, payload: [UInt8]) {
    var span = bytes.mutableSpan
    var room = span.mutableBytes
    let found = WebSocketFrame.first(in: &room)
    switch found {
    case .message(let range, _), .ping(let range, _): return (found, Array(bytes[range]))
    case .needsMore, .pong, .close, .refused: return (found, [])
    }
}

private func found(_ bytes: [UInt8]) -> WebSocketFrame {
    var bytes = bytes
    return first(&bytes).frame
}

/// Everything that the bytes hold, in order.
private func all(_ bytes: [UInt8]) -> [(frame: WebSocketFrame, payload: [UInt8])] {
    var (bytes, result) = (bytes, [] as [(WebSocketFrame, [UInt8])])
    while !bytes.isEmpty {
        let next = first(&bytes)
        result.append(next)
        switch next.frame {
        case .message(_, let count), .ping(_, let count), .pong(let count), .close(_, let count):
            bytes.removeFirst(count)
        case .needsMore, .refused: return result
        }
    }
    return result
}

@Suite struct RFC6455_5_2_FrameTests {
    @Test func theMaskedExampleOfSection5_7IsRead() {
        var bytes: [UInt8] = [0x89, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]
        let (frame, payload) = first(&bytes)
        #expect(frame == .ping(6..<11, count: 11))
        #expect(payload == Array("Hello".utf8))
    }

    @Test(arguments: [0, 1, 7, 8, 9, 125, 126, 127, 1500, 65_535, 65_536])
    func messagesOfAllLengths(count: Int) {
        var bytes = frame(2, pattern(count)) + [0x82]
        let (frame, payload) = first(&bytes)
        #expect(payload == pattern(count))
        #expect(
            frame == .message(bytes.count - 1 - count..<bytes.count - 1, count: bytes.count - 1)
        )
        #expect(bytes.last == 0x82)
    }

    @Test func everyCutNeedsMoreAndChangesNothing() {
        for whole in [frame(2, pattern(20)), frame(2, pattern(300)), frame(9, pattern(3))] {
            for count in whole.indices {
                var bytes = Array(whole.prefix(count))
                guard case .needsMore(let needed) = first(&bytes).frame else {
                    Issue.record("\(count) bytes were enough")
                    return
                }
                #expect(needed > count && needed <= whole.count)
                #expect(bytes == Array(whole.prefix(count)))
            }
        }
    }

    @Test func severalFramesAreTakenOneByOne() {
        let stream =
            frame(2, [1]) + frame(9, [2]) + frame(10, [3]) + frame(2, [4, 4]) + frame(8, [])
        let taken = all(stream)
        #expect(taken.map(\.payload) == [[1], [2], [], [4, 4], []])
        #expect(taken.last?.frame == .close(nil, count: 6))
    }

    @Test func whatAClientMayNotSendIsRefused() {
        let good = frame(2, [1, 2, 3])
        var unmasked = good
        unmasked[1] &= 0x7F
        #expect(found(unmasked) == .refused(.protocolError))
        for bit in [0x10, 0x20, 0x40] as [UInt8] {
            #expect(found([good[0] | bit] + good.dropFirst()) == .refused(.protocolError))
        }
        for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] as [UInt8] {
            #expect(found(frame(opcode, [])) == .refused(.protocolError))
        }
        #expect(found(frame(1, [65])) == .refused(.unsupportedData))
        #expect(found(frame(0, [65])) == .refused(.protocolError))
    }

    @Test func theShortestLengthHasToBeUsed() {
        #expect(found([0x82, 0xFE, 0, 125, 0, 0, 0, 0]) == .refused(.protocolError))
        #expect(
            found([0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0])
                == .refused(.protocolError)
        )
    }

    @Test func aMessageHasABoundThatItsHeaderBreaks() {
        #expect(found([0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0]) == .refused(.tooBig))
        let huge: [UInt8] = [0x82] + [UInt8](repeating: 0xFF, count: 13)
        #expect(found(huge) == .refused(.tooBig))
    }

    @Test func controlFramesAreShortAndWhole() {
        for opcode in [8, 9, 10] as [UInt8] {
            #expect(found(frame(opcode, pattern(126))) == .refused(.protocolError))
            #expect(found(frame(opcode, [], final: false)) == .refused(.protocolError))
        }
        #expect(found(frame(10, pattern(125))) == .pong(count: 131))
        #expect(found(frame(9, pattern(125))) == .ping(6..<131, count: 131))
    }

    @Test func aCloseSaysAStatusOrNone() {
        #expect(found(frame(8, [])) == .close(nil, count: 6))
        #expect(found(frame(8, [0x03, 0xE8])) == .close(1000, count: 8))
        #expect(found(frame(8, [0x0F, 0xA0] + pattern(20))) == .close(4000, count: 28))
        #expect(found(frame(8, [3])) == .refused(.protocolError))
        for status in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65_535] {
            let payload = [UInt8(status >> 8), UInt8(status & 255)]
            #expect(found(frame(8, payload)) == .refused(.protocolError), "\(status)")
        }
    }
}

@Suite struct RFC6455_5_4_FragmentTests {
    @Test func fragmentsAreJoined() {
        let parts = [pattern(5), [], pattern(200), pattern(13)]
        let stream =
            frame(2, parts[0], final: false, key: [1, 2, 3, 4]) + frame(0, parts[1], final: false)
            + frame(0, parts[2], final: false, key: [9, 8, 7, 6]) + frame(0, parts[3])
        let taken = all(stream + frame(2, [7]))
        #expect(taken.map(\.payload) == [parts.flatMap { $0 }, [7]])
        for count in stream.indices {
            var bytes = Array(stream.prefix(count))
            guard case .needsMore(let needed) = first(&bytes).frame else {
                Issue.record("\(count) bytes were enough")
                return
            }
            #expect(needed > count && needed <= stream.count)
            #expect(bytes == Array(stream.prefix(count)))
        }
    }

    @Test func controlFramesBetweenFragmentsComeFirst() {
        let stream =
            frame(2, pattern(300), final: false) + frame(9, pattern(125))
            + frame(0, [5], final: false)
            + frame(10, [1]) + frame(9, []) + frame(0, pattern(50))
        let taken = all(stream + frame(2, [7]))
        let whole = pattern(300) + [5] + pattern(50)
        #expect(taken.map(\.payload) == [pattern(125), [], [], whole, [7]])
    }

    @Test func aCloseBetweenFragmentsEnds() {
        let stream = frame(2, pattern(40), final: false) + frame(8, [0x03, 0xE9])
        #expect(all(stream).first?.frame == .close(1001, count: 8))
    }

    @Test func anotherMessageBetweenFragmentsIsRefused() {
        for opcode in [1, 2] as [UInt8] {
            let stream = frame(2, [1], final: false) + frame(opcode, [2])
            #expect(found(stream) == .refused(.protocolError))
        }
        #expect(found(frame(1, [1], final: false)) == .refused(.unsupportedData))
    }

    @Test func fragmentsHaveABound() {
        let half = pattern(8192)
        let most = frame(2, half, final: false) + frame(0, half)
        #expect(all(most).first?.payload == half + half)
        let more = frame(2, half, final: false) + frame(0, half + [0])
        #expect(found(Array(more.prefix(8210))) == .refused(.tooBig))
        #expect(found(frame(2, pattern(16_385), final: false)) == .refused(.tooBig))
        let pieces = (0..<15).flatMap { frame($0 == 0 ? 2 : 0, [1], final: false) }
        #expect(all(pieces + frame(0, [2])).first?.payload.count == 16)
        let tooMany = pieces + frame(0, [2], final: false)
        #expect(found(tooMany) == .refused(.tooBig))
    }

    @Test func noBytesTrap() {
        let seed = UInt64.random(in: .min ... .max)
        var random = Seeded(seed)
        for _ in 0..<5000 {
            var stream: [UInt8] = []
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let opcode = [0, 0, 2, 2, 8, 9, 10][Int.random(in: 0..<7, using: &random)] as UInt8
                let payload = pattern(Int.random(in: 0..<140, using: &random))
                stream += frame(opcode, payload, final: Bool.random(using: &random))
            }
            stream[Int.random(in: stream.indices, using: &random)] ^= UInt8(random.next() & 255)
            #expect(all(stream).count <= 8, "seed \(seed)")
        }
    }
}

@Suite struct ServerFrameTests {
    private func header(_ opcode: WebSocketOpcode, _ count: Int) -> [UInt8] {
        var room = [UInt8](repeating: 0xAA, count: 12)
        var span = room.mutableSpan
        var bytes = span.mutableBytes
        let start = WebSocketHeader.write(opcode, payload: count, endingAt: 12, in: &bytes)
        #expect(12 - start == WebSocketHeader.byteCount(payload: count))
        #expect(room.prefix(start).allSatisfy { $0 == 0xAA })
        return Array(room.dropFirst(start))
    }

    @Test func headersAreOfTheShortestForm() {
        #expect(header(.binary, 0) == [0x82, 0])
        #expect(header(.pong, 125) == [0x8A, 125])
        #expect(header(.binary, 126) == [0x82, 126, 0, 126])
        #expect(header(.binary, 65_535) == [0x82, 126, 0xFF, 0xFF])
        #expect(header(.binary, 65_556) == [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 20])
    }

    @Test func aCloseIsAWholeFrame() {
        var room = [UInt8](repeating: 0, count: 4)
        var span = room.mutableSpan
        var bytes = span.mutableBytes
        #expect(WebSocketHeader.writeClose(WebSocketStatus.tooBig.rawValue, in: &bytes) == 4)
        #expect(room == [0x88, 2, 0x03, 0xF1])
    }
}
