import STUN
import Testing

@testable import TURN

@Suite("RFC 8489 6.3 and 12: receiving messages, Binding")
struct RFC8489_12_BindingTests {
    private let server = TestServer()
    private let client: TestClient

    init() { client = server.client("192.0.2.1:1000", nil) }

    @Test func tellsTheSourceAddressAndNothingElse() {
        #expect(server.expect(client.unsigned(.binding)) == ["binding ok mapped=192.0.2.1:1000"])
        let client = server.client("[2a00::7]:9", nil)
        #expect(server.expect(client.unsigned(.binding)) == ["binding ok mapped=[2a00::7]:9"])
        #expect(server.statistics.bindings == 2)
    }

    @Test(arguments: [("192.0.2.1:1", 32), ("[2a00::7]:9", 44)])
    func answersAreSmall(_ source: String, _ count: Int) {
        var server = TURNServer(configuration: ServerConfiguration(), seed: [UInt8](0..<32))
        let request = message(.binding, .request, TransactionID(high: 1, low: 2), [])
        var buffer = [UInt8](repeating: 0, count: 1500)
        var span = buffer.mutableSpan
        var reply = span.mutableBytes
        let verdict = server.receive(
            request.span.rawBytes,
            from: FiveTuple(client: address(source), listener: ListenerIndex(rawValue: 0)),
            at: TestServer.start,
            reply: &reply
        )
        #expect(verdict == .reply(count: count))
    }

    /// A dual-stack socket shows IPv4 clients so; browsers do not know what to do with it.
    @Test func reportsMappedSourcesAsIPv4() {
        let client = server.client("[::ffff:192.0.2.9]:7", nil)
        #expect(server.expect(client.unsigned(.binding)) == ["binding ok mapped=192.0.2.9:7"])
    }

    @Test func answersWithFingerprintIfAsked() {
        client.usesFingerprint = true
        #expect(
            server.expect(client.unsigned(.binding))
                == ["binding ok mapped=192.0.2.1:1000 fingerprint"]
        )
    }

    @Test func dropsBrokenFingerprints() {
        var bytes = message(
            .binding,
            .request,
            TransactionID(high: 1, low: 1),
            [],
            fingerprint: true
        )
        bytes[bytes.count - 1] ^= 1
        #expect(server.expect(client.datagram(bytes)) == ["drop badFingerprint"])
    }

    @Test func dropsMalformedMessages() {
        let good = message(.binding, .request, TransactionID(high: 1, low: 1), [.lifetime(1)])
        func changed(_ index: Int, _ value: UInt8) -> [UInt8] {
            var bytes = good
            bytes[index] = value
            return bytes
        }
        let bad: [[UInt8]] = [
            Array(good.dropLast()), good + [0], good + [0, 0, 0, 0], Array(good[..<19]),
            changed(4, 0), changed(3, 9), changed(3, 4), changed(23, 5), [0], [3, 0, 0],
        ]
        for bytes in bad {
            #expect(server.expect(client.datagram(bytes)) == ["drop malformed"], "\(bytes)")
        }
        #expect(server.statistics.drops(.malformed) == UInt64(bad.count))
    }

    @Test func dropsWhatIsNotSTUN() {
        for bytes in [[], [4], [20, 1, 2], [63], [80, 0, 0, 0], [127], [128], [255]] as [[UInt8]] {
            #expect(server.expect(client.datagram(bytes)) == ["drop notSTUN"], "\(bytes)")
        }
    }

    @Test func refusesUnknownRequiredAttributesAndListsThem() {
        let request = client.unsigned(
            .binding,
            .number(0x7777),
            .number(0x8777),
            .number(0x0003),
            .number(0x7777)
        )
        #expect(server.expect(request) == ["binding 420 unknown=7777,3"])
        #expect(server.statistics.errors(.unknownAttribute) == 1)
    }

    @Test func knownAttributesThatHaveNoBusinessAreIgnored() {
        let request = client.unsigned(
            .binding,
            .lifetime(7),
            .channel(0x4000),
            .data("x"),
            .evenPort(reserve: true),
            .bytes(.errorCode, [0, 0, 4, 0])
        )
        #expect(server.expect(request) == ["binding ok mapped=192.0.2.1:1000"])
        let alice = server.client()
        let allocate = alice.allocate(.peer("10.0.0.1:1"), .channel(1), .data("x"))
        #expect(server.expect(allocate)[0].hasPrefix("allocate ok"))
        let permit = alice.request(.createPermission, .peer("8.8.8.8:1"), .transport(99), .token(1))
        #expect(server.expect(permit) == ["permission ok sha1"])
        let send = alice.indication(.send, .lifetime(0), .peer("8.8.8.8:9"), .data("x"))
        #expect(server.expect(send) == ["50000 → 8.8.8.8:9: x"])
    }

    @Test func dropsIndicationsAndResponses() {
        #expect(server.expect(client.indication(.binding)) == ["drop keepAlive"])
        for messageClass in [MessageClass.success, .error] {
            let bytes = message(.binding, messageClass, TransactionID(high: 1, low: 1), [])
            #expect(server.expect(client.datagram(bytes)) == ["drop unexpectedClass"])
        }
        for method in [Method.allocate, .refresh, .createPermission, .channelBind, .data] {
            #expect(server.expect(client.indication(method)) == ["drop unexpectedClass"])
        }
        #expect(server.expect(client.unsigned(.send)) == ["drop unexpectedClass"])
        #expect(server.expect(client.unsigned(.data)) == ["drop unexpectedClass"])
    }

    @Test(arguments: [0, 2, 5, 0xD, 0xFF] as [UInt16])
    func dropsUnknownMethods(_ number: UInt16) {
        let method = Method(rawValue: number)
        #expect(server.expect(client.unsigned(method)) == ["drop unknownMethod"])
        #expect(server.expect(client.indication(method)) == ["drop unknownMethod"])
    }

    @Test func saysItsNameOnlyIfConfigured() {
        let server = TestServer { $0.software = "turnpike" }
        #expect(
            server.expect(client.unsigned(.binding))
                == ["binding ok mapped=192.0.2.1:1000 software"]
        )
    }

    @Test func dropsWhatDoesNotFitIntoTheReply() {
        var server = TURNServer(configuration: ServerConfiguration(), seed: [UInt8](0..<32))
        let request = message(.binding, .request, TransactionID(high: 1, low: 2), [])
        for count in [0, 8, 31] {
            var buffer = [UInt8](repeating: 0, count: count)
            var span = buffer.mutableSpan
            var reply = span.mutableBytes
            let verdict = server.receive(
                request.span.rawBytes,
                from: FiveTuple(
                    client: address("192.0.2.1:1"),
                    listener: ListenerIndex(rawValue: 0)
                ),
                at: TestServer.start,
                reply: &reply
            )
            #expect(verdict == .drop(.replyOverflow))
        }
    }

    @Test func limitsSourcesThatProveNothing() {
        let server = TestServer { $0.unauthenticatedPerSecond = 3 }
        let answers = (0..<20).map { _ in server.expect(client.unsigned(.binding))[0] }
        #expect(answers.filter { $0 == "drop rateLimited" }.count == 14)
        #expect(server.expect(client.unsigned(.allocate)) == ["drop rateLimited"])
        let other = server.client("198.51.100.1:1", nil)
        #expect(server.expect(other.unsigned(.binding)) == ["binding ok mapped=198.51.100.1:1"])
        let later = server.expect(client.unsigned(.binding), at: 10)
        #expect(later == ["binding ok mapped=192.0.2.1:1000"])
    }
}
