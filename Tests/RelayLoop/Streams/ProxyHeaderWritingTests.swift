/// What the web server behind a shared port is told of its client.

import STUN
import TURN
import Testing

@testable import RelayLoop

@Suite struct ProxyHeaderWritingTests {
    @Test(arguments: ["192.0.2.1:56324", "[2001:db8::1]:1"], [false, true])
    func whatIsWrittenIsRead(_ client: String, isEncrypted: Bool) throws {
        var room = [UInt8](repeating: 0xFF, count: 64)
        var span = room.mutableSpan
        var bytes = span.mutableBytes
        let client = try #require(TransportAddress(client))
        let count = ProxyHeader.write(client, isEncrypted: isEncrypted, in: &bytes)
        let expected = ProxyHeader.source(client, count: count, isEncrypted: isEncrypted)
        #expect(ProxyHeader(room.span.bytes) == expected)
        let field: [UInt8] = [0x20, 0, 5, 1, 0, 0, 0, 1]
        #expect(room.prefix(count).suffix(8).elementsEqual(field) == isEncrypted)
    }
}
