/// Addresses as text: RFC 4291 section 2.2 in, RFC 5952 out.

import STUN
import Testing

@Suite("RFC 5952: addresses as text") struct Addresses {
    @Test(
        "Canonical text is read and written unchanged",
        arguments: [
            "0.0.0.0", "127.0.0.1", "255.255.255.255", "192.0.2.1", "::", "::1", "1::",
            "2001:db8::1", "2001:db8:0:1:1:1:1:1", "2001:db8::1:0:0:1", "::ffff:192.0.2.1",
            "64:ff9b::c000:201", "1:2:3:4:5:6:7:8", "fe80::1:2:3:4", "1:0:0:2::",
            "::2:0:0:0:1", "a:b:c:d:e:f:0:1", "0:0:1::",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        ]
    ) func canonicalText(_ text: String) throws {
        #expect(try #require(IPAddress(text)).description == text)
    }

    @Test(
        "Other spellings are read, and written as section 4 says",
        arguments: [
            ("2001:0db8::0001", "2001:db8::1"), ("2001:db8:0:0:0:0:2:1", "2001:db8::2:1"),
            ("2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("2001:DB8::A", "2001:db8::a"),
            ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
            ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
            ("::ffff:c000:201", "::ffff:192.0.2.1"),
            ("64:ff9b::192.0.2.1", "64:ff9b::c000:201"),
            ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"), ("0:0:0:0:0:0:0:0", "::"),
            ("::1.2.3.4", "::102:304"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
            ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
        ]
    ) func otherSpellings(_ text: String, _ expected: String) throws {
        #expect(try #require(IPAddress(text)).description == expected)
    }

    @Test(
        "What is no address is refused",
        arguments: [
            "", " ", ".", ":", ":::", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "256.1.1.1",
            "1.2.3.-4", "1.2.3.+4", "01.2.3.4", "1.2.3.04", "1.2.3.4 ", "0x1.2.3.4", "1..2.3",
            "1.2.3.4/8", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "::1::", ":1", "1:",
            "1:2:3:4:5:6:7:", ":1:2:3:4:5:6:7:8", "12345::", "g::", "+1::", "-1::", "::1%eth0",
            "[::1]", "::1.2.3", "::1.2.3.4.5", "1.2.3.4::", "::1.2.3.4:5",
            "1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:6:7::8", "1:2:3:4::5:6:7:8", "::256.1.1.1",
            "\u{0661}.2.3.4", "::\u{FF11}", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8",
        ]
    ) func refused(_ text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test(
        "Section 6: transport addresses",
        arguments: ["192.0.2.1:3478", "[2001:db8::1]:0", "[::]:65535", "[::ffff:1.2.3.4]:80"]
    ) func transport(_ text: String) throws {
        #expect(try #require(TransportAddress(text)).description == text)
    }

    @Test(
        "What is no transport address is refused",
        arguments: [
            "", ":", "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:-1", "1.2.3.4:+1",
            "1.2.3.4:01", "::1:80", "[::1]", "[::1]:", "[1.2.3.4]:80", "[::1:80", "::1]:80",
            "[]:80", "[:80", "1.2.3.4:8a", "[[::1]]:80",
        ]
    ) func refusedTransport(_ text: String) {
        #expect(TransportAddress(text) == nil)
    }

    @Test("Only ::ffff:0:0/96 is another address in its canonical form") func canonicalForm() throws
    {
        func canonical(_ text: String) throws -> String {
            try #require(IPAddress(text)).canonical.description
        }
        #expect(try canonical("::ffff:127.0.0.1") == "127.0.0.1")
        #expect(try canonical("::ffff:0.0.0.0") == "0.0.0.0")
        for text in ["127.0.0.1", "::127.0.0.1", "::1", "64:ff9b::7f00:1", "1::ffff:7f00:1"] {
            #expect(try canonical(text) == #require(IPAddress(text)).description)
        }
    }

    @Test("Random addresses come back from their text") func randomRoundTrip() throws {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededGenerator(state: seed)
        for _ in 0..<20_000 {
            // Few distinct groups make runs of zeros likely.
            var halves = [UInt64](repeating: 0, count: 2)
            for group in 0..<8 where generator.next() % 3 == 0 {
                let value = generator.next() & (generator.next() % 2 == 0 ? 0xF : 0xFFFF)
                halves[group / 4] |= value << UInt64(group % 4 * 16)
            }
            let ipv6 = IPAddress(ipv6High: halves[0], low: halves[1])
            try #require(IPAddress(ipv6.description) == ipv6, "seed \(seed): \(ipv6)")
            let ipv4 = IPAddress(ipv4: UInt32(truncatingIfNeeded: generator.next()))
            try #require(IPAddress(ipv4.description) == ipv4, "seed \(seed): \(ipv4)")
        }
    }
}
