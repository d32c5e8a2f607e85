/// Hostile bytes never trap: every reader is run over mutated and random messages.

import STUN
import Testing

@Suite("Parsing is total") struct Totality {
    /// Runs every reader of the module over `bytes`; returns how many attributes it saw.
    private func readEverything(_ bytes: [UInt8], _ key: IntegrityKey) -> Int {
        _ = ChannelData(bytes.span.bytes)
        _ = bytes.first.map { DatagramKind(firstByte: $0) }
        guard let message = Message(bytes.span.bytes) else { return 0 }
        _ = message.type.method
        _ = message.type.messageClass
        _ = message.hasValidFingerprint
        _ = message.integrity(.sha1, key: key)
        _ = message.integrity(.sha256, key: key)
        var count = 0
        var cursor = message.attributes()
        while let attribute = cursor.next(in: message) {
            count += 1
            _ = message.value(of: attribute)
            _ = message.xorAddress(attribute)?.ip.canonical.description
            _ = message.address(attribute)
            _ = message.errorCode(attribute)
            _ = message.uint64(attribute)
            let first = message.first(attribute.type)
            #expect(first != nil)
        }
        return count
    }

    @Test("Mutations of the RFCs' messages and of our own") func mutations() throws {
        let seed = UInt64.random(in: .min ... .max)
        print("STUN mutations: seed \(seed)")
        var generator = SeededGenerator(state: seed)
        let key = try integrityKey(Vector.password)
        let samples = [
            Vector.request, Vector.responseIPv4, Vector.responseIPv6, Vector.longTermRequest,
            Vector.sha256Request, hex("40000004 01020304"),
        ]
        var attributes = 0
        for _ in 0..<30_000 {
            var bytes = samples[Int(generator.next() % UInt64(samples.count))]
            for _ in 0...generator.next() % 4 { mutate(&bytes, &generator) }
            // Two of three with a length that fits, or few would come past the header.
            if generator.next() % 3 != 0, bytes.count >= 4, bytes.count % 4 == 0 {
                bytes[2] = UInt8(truncatingIfNeeded: (bytes.count - 20) >> 8)
                bytes[3] = UInt8(truncatingIfNeeded: bytes.count - 20)
            }
            attributes += readEverything(bytes, key)
        }
        #expect(attributes > 10_000, "seed \(seed)")
    }

    private func mutate(_ bytes: inout [UInt8], _ generator: inout SeededGenerator) {
        guard !bytes.isEmpty else { return }
        let index = Int(generator.next() % UInt64(bytes.count))
        switch generator.next() % 6 {
        case 0: bytes[index] ^= 1 << UInt8(generator.next() % 8)
        case 1: bytes[index] = UInt8(truncatingIfNeeded: generator.next())
        case 2: bytes.removeSubrange(index...)
        case 3: bytes.insert(contentsOf: bytes[..<(index & ~3)], at: index & ~3)
        case 4: bytes.removeSubrange((index & ~3)..<min(bytes.count, (index & ~3) + 4))
        default: bytes[index] = [0, 0x7F, 0x80, 0xFF][Int(generator.next() % 4)]
        }
    }

    @Test("Random attributes behind a right header") func randomBodies() throws {
        let seed = UInt64.random(in: .min ... .max)
        print("STUN random bodies: seed \(seed)")
        var generator = SeededGenerator(state: seed)
        let key = try integrityKey(Vector.password)
        let known: [UInt16] = [6, 8, 9, 0x12, 0x13, 0x1C, 0x20, 0x8022, 0x8028]
        for _ in 0..<20_000 {
            var body: [UInt8] = []
            for _ in 0..<generator.next() % 8 {
                let type = known[Int(generator.next() % UInt64(known.count))]
                let count = [0, 1, 4, 8, 16, 20, 32][Int(generator.next() % 7)]
                let value = (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
                body += attribute(AttributeType(rawValue: type), value)
            }
            if generator.next() % 4 == 0, body.count > 4 { mutate(&body, &generator) }
            _ = readEverything(header(length: body.count) + body, key)
        }
    }
}
