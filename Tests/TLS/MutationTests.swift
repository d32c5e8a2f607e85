/// Random damage to recorded handshakes: sessions fail or go on, and never trap.

import TLS
import Testing

@Suite struct MutationTests {
    /// A generator whose seed is printed.
    private struct Random: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ state >> 29
        }
    }

    private func mutate(_ bytes: [UInt8], _ random: inout Random) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            if bytes.isEmpty { return [0] }
            let position = Int.random(in: bytes.indices, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0: bytes[position] = UInt8.random(in: .min ... .max, using: &random)
            case 1: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2: bytes.remove(at: position)
            case 3: bytes.insert(0xFF, at: position)
            default: bytes.removeLast(min(bytes.count, 1 + position / 8))
            }
        }
        return bytes
    }

    @Test(arguments: [12, 13])
    func damagedStreamsNeverTrap(version: Int) throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = Random(state: seed)
        let context = try Certificates.context()
        for _ in 0..<400 {
            let pair = Pair(context, Client(minimum: version, maximum: version))
            let good = Int.random(in: 0..<3, using: &random)
            for round in 0..<4 {
                pair.client.handshake()
                let sent = pair.client.take().flatMap { $0 } + (round == 3 ? pattern(40) : [])
                let bytes = round < good ? sent : mutate(sent, &random)
                let step = pair.server.receive(bytes, outputRoom: 1 + Int(random.next() % 3000))
                pair.client.feed(step.output)
            }
            #expect(pair.server.close().output.count < 1000, "seed \(seed)")
        }
    }

    @Test func damagedDatagramsNeverTrap() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = Random(state: seed)
        for _ in 0..<150 {
            let world = try DTLSWorld()
            world.talk { flight in
                flight.map { random.next() % 3 == 0 ? mutate($0, &random) : $0 }
            }
            for _ in 0..<20 { _ = world.serve(mutate(pattern(80), &random)) }
            #expect(world.longest <= 1200, "seed \(seed)")
        }
    }
}
