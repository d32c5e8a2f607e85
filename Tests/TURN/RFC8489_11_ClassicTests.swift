import STUN
import Testing

@testable import TURN

@Suite("RFC 8489 11, RFC 7350 3: messages without the magic cookie")
struct RFC8489_11_ClassicTests {
    private let server = TestServer()
    private let client: TestClient

    init() {
        client = server.client("192.0.2.1:1000", nil)
        client.transport = .dtls
        client.connection = ConnectionIndex(rawValue: 7)
    }

    /// A message of RFC 3489: four more bytes of transaction id where the cookie would be.
    private func classic(
        _ method: STUN.Method = .binding,
        _ messageClass: MessageClass = .request,
        _ attributes: TestAttribute...
    ) -> [UInt8] {
        var bytes = message(method, messageClass, TransactionID(high: 1, low: 2), attributes)
        bytes.replaceSubrange(4..<8, with: [0xC0, 0xFF, 0xEE, 0x11])
        return bytes
    }

    @Test func overDTLSARequestDraws500() {
        let answer = server.expect(client.datagram(classic()))
        #expect(answer == ["binding 500 without cookie"])
        // CHANGE-REQUEST, as clients of RFC 3489 send it.
        let change = classic(.binding, .request, .number(3))
        #expect(server.expect(client.datagram(change)) == ["binding 500 without cookie"])
        let allocate = classic(.allocate, .request, .transport(17))
        #expect(server.expect(client.datagram(allocate)) == ["allocate 500 without cookie"])
        // Shared Secret, which RFC 3489 alone has.
        let secret = classic(Method(rawValue: 2))
        #expect(server.expect(client.datagram(secret)) == ["method 2 500 without cookie"])
        #expect(server.statistics.errors(.serverError) == 4)
        #expect(server.statistics.bindings == 0)
        #expect(server.statistics.allocations == 0)
    }

    @Test(arguments: [MessageClass.indication, .success, .error])
    func overDTLSAllElseIsIgnored(_ messageClass: MessageClass) {
        for method in [Method.binding, .send, .data] {
            let input = client.datagram(classic(method, messageClass))
            #expect(server.expect(input) == ["drop malformed"])
        }
    }

    @Test(arguments: [ClientTransport.udp, .tcp, .tls])
    func overOtherTransportsNobodyIsAnswered(_ transport: ClientTransport) {
        client.transport = transport
        #expect(server.expect(client.datagram(classic())) == ["drop malformed"])
        #expect(server.statistics.allErrors == 0)
    }

    @Test func aLengthThatIsWrongMakesNoMessage() {
        let bytes = classic(.binding, .request, .number(3))
        for wrong in [bytes + [0], bytes + [0, 0, 0, 0], Array(bytes[..<24]), Array(bytes[..<19])] {
            #expect(server.expect(client.datagram(wrong)) == ["drop malformed"], "\(wrong)")
        }
        var odd = bytes + [0]
        odd[3] += 1
        #expect(server.expect(client.datagram(odd)) == ["drop malformed"])
    }

    @Test func aSessionWithAnAllocationGoesOn() {
        let alice = server.client()
        alice.transport = .dtls
        #expect(server.expect(alice.allocate())[0].hasPrefix("allocate ok"))
        #expect(server.expect(alice.datagram(classic())) == ["binding 500 without cookie"])
        #expect(server.expect(alice.request(.refresh)) == ["refresh ok lifetime=600 sha1"])
    }
}
