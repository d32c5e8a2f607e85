import STUN
import Testing

@testable import TURN

@Suite("Hostile input")
struct TotalityTests {
    /// Random and mutated datagrams: never a trap, and no state without credentials.
    @Test(arguments: 0..<8 as Range<UInt64>) func neverTrapsNorAllocates(_ seed: UInt64) {
        var random = RandomSource(seed: (0..<32).map { $0 == 0 ? UInt8(seed) : 0 })
        let server = TestServer { $0.rfc5766Channels = seed % 2 == 1 }
        let alice = server.allocatedClient()
        _ = server.expect(alice.bind(0x4000, to: "8.8.8.8:9"))
        let samples = [
            alice.allocate(.evenPort(reserve: true), .lifetime(9)), alice.request(.refresh),
            alice.permit("8.8.8.8:9", "8.8.4.4:1"), alice.bind(0x4001, to: "8.8.4.4:9"),
            alice.send("hello", to: "8.8.8.8:9"), alice.channelData(0x4000, "hello"),
            alice.unsigned(.binding),
        ]
        let mallory = server.client("192.0.2.66:1", nil)
        // Over DTLS what has no cookie is looked at too.
        mallory.transport = seed % 4 > 1 ? .dtls : .udp
        for _ in 0..<3000 {
            guard case .client(_, let bytes) = samples[Int(random.below(UInt64(samples.count)))]
            else { continue }
            let input = mallory.datagram(mutated(bytes, &random))
            #expect(!server.expect(input)[0].contains(" ok relayed"), "seed \(seed)")
        }
        #expect(server.statistics.allocations == 1, "seed \(seed)")
        #expect(server.expect(alice.channelData(0x4000, "x")) == ["50000 → 8.8.8.8:9: x"])
    }

    /// The same of TCP allocations: nobody connects or is joined without credentials.
    @Test(arguments: 0..<8 as Range<UInt64>) func neverTrapsNorConnects(_ seed: UInt64) {
        var random = RandomSource(seed: (0..<32).map { $0 == 1 ? UInt8(seed) : 0 })
        let server = TestServer.forTCP()
        let alice = server.tcpAllocatedClient()
        let peer = "8.8.8.8:80"
        _ = server.expect(alice.request(.connect, .peer(peer)))
        _ = server.expect(.connected(peer, true))
        let samples = [
            alice.request(.connect, .peer("8.8.4.4:80")),
            alice.request(.connectionBind, .connectionID(server.id(peer))),
            alice.unsigned(.connect, .peer("8.8.4.4:80")),
            alice.unsigned(.connectionBind, .connectionID(server.id(peer))),
            alice.request(.allocate, .transport(6)),
        ]
        let mallory = server.tcpClient("192.0.2.66:1", nil)
        for _ in 0..<3000 {
            guard case .client(_, let bytes) = samples[Int(random.below(UInt64(samples.count)))]
            else { continue }
            let input = mallory.datagram(mutated(bytes, &random))
            let output = server.expect(input)[0]
            let done = ["allocate ok", "connect 50000", "bind ok"]
            let isDone = done.contains { output.hasPrefix($0) }
            #expect(!isDone, "seed \(seed): \(output)")
        }
        #expect(server.statistics.tcpConnections == 1, "seed \(seed)")
        #expect(server.statistics.tcpConnectionsBound == 0, "seed \(seed)")
        let data = server.tcpClient("192.0.2.1:2000")
        let bind = data.request(.connectionBind, .connectionID(server.id(peer)))
        #expect(server.expect(bind) == ["bind ok sha1", "join \(peer)"])
    }

    private func mutated(_ bytes: [UInt8], _ random: inout RandomSource) -> [UInt8] {
        var bytes = bytes
        for _ in 0...random.below(4) {
            let index = Int(random.below(UInt64(bytes.count)))
            switch random.below(4) {
            case 0: bytes[index] = UInt8(truncatingIfNeeded: random.next())
            case 1: bytes[index] ^= 1 << UInt8(random.below(8))
            case 2: bytes = Array(bytes[..<max(index, 1)])
            default: bytes.append(contentsOf: bytes[index...].prefix(8))
            }
        }
        // Most should get past the check of the length.
        if bytes.count >= 20, random.below(4) != 0 {
            bytes.removeLast(bytes.count % 4)
            bytes[2] = UInt8(truncatingIfNeeded: (bytes.count - 20) >> 8)
            bytes[3] = UInt8(truncatingIfNeeded: bytes.count - 20)
        }
        return bytes
    }
}
