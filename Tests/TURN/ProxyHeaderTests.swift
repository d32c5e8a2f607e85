/// The header of the PROXY protocol: both versions, every cut, every break.

import STUN
import Testing

@testable import TURN

@Suite struct ProxyHeaderTests {
    private func parse(_ bytes: [UInt8]) -> ProxyHeader { ProxyHeader(bytes.span.bytes) }
    private func parse(_ text: String) -> ProxyHeader { parse(Array(text.utf8)) }

    private func address(_ text: String) throws -> TransportAddress {
        try #require(TransportAddress(text))
    }

    /// A header of version 2.
    private func binary(_ command: UInt8, _ family: UInt8, _ rest: [UInt8]) -> [UInt8] {
        Array("\r\n\r\n\0\r\nQUIT\n".utf8) + [command, family]
            + [UInt8(rest.count >> 8), UInt8(rest.count & 255)] + rest
    }

    private let ipv4: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 2, 0xDC, 0x04, 0x0D, 0x96]
    private let ipv6: [UInt8] =
        [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1]
        + [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [2]
        + [0xDC, 0x04, 0x0D, 0x96]

    @Test func linesOfVersion1() throws {
        let line = "PROXY TCP4 192.0.2.1 198.51.100.2 56324 3478\r\n"
        let source = ProxyHeader.source(try address("192.0.2.1:56324"), count: line.utf8.count)
        #expect(parse(line) == source)
        #expect(parse(line + "\0\u{1}more") == source)
        let long = "PROXY TCP6 2001:db8::1 2001:db8::2 0 65535\r\n"
        #expect(parse(long) == .source(try address("[2001:db8::1]:0"), count: long.utf8.count))
        #expect(parse("PROXY UNKNOWN\r\n") == .local(count: 15))
        #expect(parse("PROXY UNKNOWN ffff::1 a b c\r\nrest") == .local(count: 29))
        for count in 0..<line.utf8.count {
            #expect(parse(Array(line.utf8.prefix(count))) == .needsMore, "\(count)")
        }
    }

    @Test func theLongestLineIs107Bytes() {
        let unknown = "PROXY UNKNOWN " + String(repeating: "x", count: 91)
        #expect(parse(unknown + "\r\n") == .local(count: 107))
        #expect(parse(unknown + "x\r\n") == .invalid)
        #expect(parse(unknown) == .needsMore)
        #expect(parse(unknown + "xx") == .invalid)
    }

    @Test(arguments: [
        "PROXY \r\n", "PROXY TCP4\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n", "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 1 65536\r\n", "PROXY TCP4 192.0.2.1  1.2.3.4 1 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 +1 2\r\n", "PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n",
        "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n", "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n", "PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\rx", "PROXY TCP4 192.0.2.1 192.0.2.2 1 \r\n",
    ])
    func brokenLinesAreInvalid(line: String) {
        #expect(parse(line) == .invalid)
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\n", "PROXZ", "proxy TCP4 ", "PROXY\r\n", "\u{16}\u{3}", "\r\nGET",
        "\r\n\r\n\0\r\nQUIX",
    ])
    func whatBeginsOtherwiseIsNoHeader(bytes: String) {
        #expect(parse(bytes) == .absent)
    }

    @Test func headersOfVersion2() throws {
        let source = try address("192.0.2.1:56324")
        #expect(parse(binary(0x21, 0x11, ipv4)) == .source(source, count: 28))
        #expect(parse(binary(0x21, 0x12, ipv4)) == .source(source, count: 28))
        let long = try address("[2001:db8::1]:56324")
        #expect(parse(binary(0x21, 0x21, ipv6)) == .source(long, count: 52))
        let whole = binary(0x21, 0x21, ipv6)
        for count in whole.indices {
            #expect(parse(Array(whole.prefix(count))) == .needsMore, "\(count)")
        }
    }

    @Test func furtherValuesOfVersion2AreSkipped() throws {
        let values: [UInt8] = [3, 0, 4, 1, 2, 3, 4, 0x20, 0, 1, 0]
        let source = try address("192.0.2.1:56324")
        #expect(parse(binary(0x21, 0x11, ipv4 + values)) == .source(source, count: 28 + 11))
        let most = ipv4 + [UInt8](repeating: 0, count: 520 - 12)
        #expect(parse(binary(0x21, 0x11, most)) == .source(source, count: 536))
        #expect(parse(binary(0x21, 0x11, most + [0])) == .invalid)
        #expect(parse(Array(binary(0x21, 0x11, most + [0]).prefix(16))) == .invalid)
    }

    @Test(
        arguments: [
            ([0x20, 0, 5, 1, 0, 0, 0, 1], true), ([0x20, 0, 1, 3], true),
            ([1, 0, 2, 7, 7, 0x20, 0, 1, 1, 4, 0, 0], true), ([0x20, 0, 5, 0, 0, 0, 0, 1], false),
            ([0x20, 0, 1, 2], false), ([0x20, 0, 0, 1], false), ([0x20, 0, 2, 1], false),
            ([0x20, 0, 1], false), ([1, 0xFF, 0xFF, 0x20, 0, 1, 1], false), ([0x20], false),
            ([], false),
        ] as [([UInt8], Bool)]
    )
    func aFieldSaysThatTheClientSpeaksTLS(fields: [UInt8], isEncrypted: Bool) throws {
        for (family, addresses) in [(0x11, ipv4), (0x21, ipv6)] as [(UInt8, [UInt8])] {
            guard case .source(_, _, let found) = parse(binary(0x21, family, addresses + fields))
            else { Issue.record("no source"); continue }
            #expect(found == isEncrypted)
        }
    }

    @Test func whatIsNotAClientsIsLocal() {
        #expect(parse(binary(0x20, 0x00, [])) == .local(count: 16))
        #expect(parse(binary(0x20, 0x11, ipv4)) == .local(count: 28))
        #expect(parse(binary(0x21, 0x00, [1, 2])) == .local(count: 18))
        #expect(parse(binary(0x21, 0x10, ipv4)) == .local(count: 28))
        let path = [UInt8](repeating: 0, count: 216)
        #expect(parse(binary(0x21, 0x31, path)) == .local(count: 232))
    }

    @Test func brokenHeadersOfVersion2AreInvalid() {
        for (command, family) in [
            (0x11, 0x11), (0x31, 0x11), (0x22, 0x11), (0x21, 0x41), (0x21, 0x13),
        ]
            as [(UInt8, UInt8)]
        {
            #expect(parse(binary(command, family, ipv4)) == .invalid)
        }
        #expect(parse(binary(0x21, 0x11, Array(ipv4.dropLast()))) == .invalid)
        #expect(parse(binary(0x21, 0x21, Array(ipv6.dropLast()))) == .invalid)
    }

    @Test func anIPv4AddressInsideIPv6IsOneOfIPv4() throws {
        let mapped = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF, 192, 0, 2, 1]
        let header = parse(binary(0x21, 0x21, mapped + mapped + [0, 1, 0, 2]))
        #expect(header == .source(try address("192.0.2.1:1"), count: 52))
        let line = parse("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n")
        #expect(line == .source(try address("192.0.2.1:1"), count: 37))
    }

    @Test func noBytesTrap() {
        let seed = UInt64.random(in: .min ... .max)
        var random = Seeded(seed)
        let starts = [
            binary(0x21, 0x11, ipv4), binary(0x21, 0x21, ipv6), Array("PROXY TCP4 1.2.3".utf8),
        ]
        for _ in 0..<20_000 {
            var bytes = starts[Int.random(in: starts.indices, using: &random)]
            bytes += (0..<Int.random(in: 0..<120, using: &random)).map { _ in
                UInt8.random(in: .min ... .max, using: &random)
            }
            bytes[Int.random(in: bytes.indices, using: &random)] = UInt8(random.next() & 255)
            if case .source(_, let count, _) = parse(bytes) {
                #expect(count <= bytes.count, "\(seed)")
            }
        }
    }
}

/// Random numbers that a seed repeats.
private struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ state >> 29
    }
}
