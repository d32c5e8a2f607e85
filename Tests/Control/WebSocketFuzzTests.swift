/// Frames and JSON from a seeded generator: what was sent comes out, however it is cut; nothing traps or grows.

import FoundationEssentials
import NIOCore
import NIOWebSocket
import Testing

@testable import Control

/// SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

@Suite struct WebSocketFuzzTests {
    private static let limit = 2000

    /// The events of bytes that come in pieces, until the first violation.
    private func events(
        _ bytes: [UInt8],
        _ generator: inout SeededGenerator
    ) -> [FrameReader.Event] {
        var reader = FrameReader(limit: Self.limit)
        var events: [FrameReader.Event] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let most = [1, 10, 3000].randomElement(using: &generator) ?? 1
            let count = min(rest.count, Int.random(in: 1...most, using: &generator))
            var piece = ByteBuffer(bytes: rest.prefix(count))
            rest = rest.dropFirst(count)
            while let event = reader.next(&piece) {
                events.append(event)
                if case .violation = event { return events }
            }
            #expect(piece.readableBytes == 0)
            // A header, and a control frame between parts, come on top.
            #expect(reader.heldBytes <= Self.limit + 139)
        }
        return events
    }

    private func payload(_ sizes: [Int], _ generator: inout SeededGenerator) -> [UInt8] {
        let size = sizes.randomElement(using: &generator) ?? 0
        return (0..<Int.random(in: 0...size, using: &generator)).map { _ in
            UInt8.random(in: 0...255, using: &generator)
        }
    }

    private func mask(_ generator: inout SeededGenerator) -> [UInt8] {
        (0..<4).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    /// Random messages in random parts with control frames between, and the events they are.
    private func conversation(
        _ generator: inout SeededGenerator
    ) -> (bytes: [UInt8], events: [FrameReader.Event]) {
        var bytes: [UInt8] = []
        var events: [FrameReader.Event] = []
        for _ in 0..<Int.random(in: 1...8, using: &generator) {
            let parts = (0..<Int.random(in: 1...4, using: &generator)).map { _ in
                payload([0, 10, 125, 126, 400], &generator)
            }
            for (index, part) in parts.enumerated() {
                let isFinal = index == parts.count - 1
                let opcode: UInt8 = index > 0 ? 0 : Bool.random(using: &generator) ? 1 : 2
                let frame = RawFrame(isFinal: isFinal, opcode: opcode, payload: part)
                bytes += frame.bytes(mask: mask(&generator))
                let whole = FrameReader.Event.message(ByteBuffer(bytes: parts.joined()))
                events.append(isFinal ? whole : .fragment)
                guard Int.random(in: 0..<3, using: &generator) == 0 else { continue }
                let isPing = Bool.random(using: &generator)
                let control = RawFrame(
                    opcode: isPing ? 9 : 10,
                    payload: payload([0, 125], &generator)
                )
                bytes += control.bytes(mask: mask(&generator))
                events.append(isPing ? .ping(ByteBuffer(bytes: control.payload)) : .pong)
            }
        }
        return (bytes, events)
    }

    @Test(arguments: 0..<300 as Range<UInt64>)
    func whatIsSentComesOutHoweverItIsCut(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let (bytes, expected) = conversation(&generator)
        #expect(events(bytes, &generator) == expected)
    }

    @Test(arguments: 0..<300 as Range<UInt64>)
    func damagedFramesAreReadTheSameHoweverTheyAreCut(seed: UInt64) {
        var generator = SeededGenerator(seed: seed &+ 1_000_000)
        var (bytes, _) = conversation(&generator)
        for _ in 0..<Int.random(in: 1...5, using: &generator) {
            let index = bytes.indices.randomElement(using: &generator) ?? 0
            bytes[index] = UInt8.random(in: 0...255, using: &generator)
        }
        let once = events(bytes, &generator)
        #expect(events(bytes, &generator) == once)
    }

    // MARK: JSON

    private static let words = [
        "{", "}", "[", "]", ":", ",", "\"", "\"cmd\"", "\"send\"", "\"register\"", "\"msg\"",
        "\"roomid\"",
        "\"clientid\"", "\"CMD\"", "null", "true", "1e999", "-", "\\", "\\u0000", "\\ud800", "é",
        "\u{0}",
        " ", "\n", "\"to\"", "{\"cmd\":\"send\",\"msg\":\"", "\"a\"",
    ]

    @Test(arguments: 0..<200 as Range<UInt64>)
    func anyTextIsACommandOrAnErrorOfTheClient(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<20 {
            let words = (0..<Int.random(in: 0...20, using: &generator)).map { _ in
                Self.words.randomElement(using: &generator) ?? ""
            }
            let text = words.joined()
            do throws(SignallingError) {
                let command = try SignallingCommand(text)
                #expect(text.lowercased().contains("cmd"), "\(command)")
            } catch {
                let isOfTheClient =
                    error == .unexpectedCommand || error.rawValue.contains("JSON.Receive")
                #expect(isOfTheClient, "\(error)")
            }
        }
    }

    @Test(arguments: ["[", "{\"a\":", "{\"cmd\":["])
    func deepJSONIsAnError(_ opening: String) {
        let text = String(repeating: opening, count: 100_000 / opening.utf8.count)
        #expect(throws: SignallingError.self) { try SignallingCommand(text) }
    }

    private struct Frame: Decodable { let msg, error: String }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func everyMessageReachesTheClientAsItWas(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let scalars = (0..<50).compactMap { _ in
            Unicode.Scalar(
                UInt32.random(
                    in: 0...(Bool.random(using: &generator) ? 0x7F : 0x2100),
                    using: &generator
                )
            )
        }
        let text = String(String.UnicodeScalarView(scalars)) + "\u{2028}\u{2029}</script>"
        let frame = SignallingFrame.message(text)
        #expect(!frame.contains("<") && frame.last == "\n")
        #expect(try JSONDecoder().decode(Frame.self, from: Data(frame.utf8)).msg == text)
    }
}
