import STUN
import Testing

@testable import TURN

@Suite("RFC 8656 11: Send and Data indications")
struct RFC8656_11_SendTests {
    private let server = TestServer()
    private let alice: TestClient

    init() {
        alice = server.allocatedClient()
        _ = server.expect(alice.permit("8.8.8.8:1"))
    }

    @Test func relaysBothWays() {
        #expect(server.expect(alice.send("ping", to: "8.8.8.8:9")) == ["50000 → 8.8.8.8:9: ping"])
        for text in ["", "a", "ab", "abc", "abcd"] {
            #expect(
                server.expect(.peer("8.8.8.8:9", 50_000, text))
                    == ["data from 8.8.8.8:9 → 192.0.2.1:1000/0: \(text)"]
            )
        }
    }

    @Test func relaysIPv6() {
        let carol = server.allocatedClient("[2a00::7]:9", family: 2)
        _ = server.expect(carol.permit("[2a00::1]:1"))
        #expect(
            server.expect(carol.send("ping", to: "[2a00::1]:9")) == ["50001 → [2a00::1]:9: ping"]
        )
        #expect(
            server.expect(.peer("[2a00::1]:9", 50_001, "pong"))
                == ["data from [2a00::1]:9 → [2a00::7]:9/0: pong"]
        )
        // The other client's permission is not hers.
        #expect(server.expect(carol.send("x", to: "8.8.8.8:9")) == ["drop noPermission"])
        #expect(server.expect(.peer("8.8.8.8:9", 50_001, "x")) == ["drop noPermission"])
    }

    @Test func dataMayBeEmpty() {
        #expect(server.expect(alice.send("", to: "8.8.8.8:9")) == ["50000 → 8.8.8.8:9: "])
    }

    @Test func needsPeerAndData() {
        let bad = [
            alice.indication(.send, .peer("8.8.8.8:9")),
            alice.indication(.send, .data("x")),
            alice.indication(.send),
            alice.indication(.send, .uint32(.xorPeerAddress, 1), .data("x")),
            alice.send("x", to: "8.8.8.8:0"),
        ]
        for input in bad { #expect(server.expect(input) == ["drop badSend"]) }
        #expect(server.statistics.drops(.badSend) == 5)
    }

    /// The last one won in other servers.
    @Test func firstOfTwoAttributesCounts() {
        let input = alice.indication(
            .send,
            .peer("8.8.8.8:9"),
            .data("one"),
            .peer("10.0.0.1:9"),
            .data("two")
        )
        #expect(server.expect(input) == ["50000 → 8.8.8.8:9: one"])
        let bad = alice.indication(
            .send,
            .uint32(.xorPeerAddress, 1),
            .peer("8.8.8.8:9"),
            .data("x")
        )
        #expect(server.expect(bad) == ["drop badSend"])
    }

    @Test func unknownRequiredAttributesDropIt() {
        let bad = alice.indication(.send, .peer("8.8.8.8:9"), .data("x"), .number(0x7777))
        #expect(server.expect(bad) == ["drop unknownAttribute"])
        let good = alice.indication(.send, .peer("8.8.8.8:9"), .data("x"), .number(0x8777))
        #expect(server.expect(good) == ["50000 → 8.8.8.8:9: x"])
    }

    @Test func dontFragmentIsTheLoopsToHonour() {
        let input = alice.indication(
            .send,
            .peer("8.8.8.8:9"),
            .empty(.dontFragment),
            .data("x")
        )
        #expect(server.expect(input) == ["50000 → 8.8.8.8:9: x (df)"])
    }

    /// RFC 8656 13.1 to 13.3: datagrams of other pairs of families ignore it, streams do not.
    @Test(arguments: [
        ("192.0.2.7:9", "[2a00::8]:9", ClientTransport.udp, ""),
        ("[2a00::7]:9", "[2a00::8]:9", .udp, ""),
        ("[2a00::7]:9", "8.8.8.8:9", .udp, ""),
        ("[2a00::7]:9", "8.8.8.8:9", .dtls, ""),
        ("192.0.2.7:9", "8.8.8.8:9", .dtls, " (df)"),
        ("[2a00::7]:9", "[2a00::8]:9", .tcp, " (df)"),
        ("[2a00::7]:9", "8.8.8.8:9", .tls, " (df)"),
    ])
    func dontFragmentCountsBetweenIPv4Alone(
        _ source: String,
        _ peer: String,
        _ transport: ClientTransport,
        _ mark: String
    ) {
        let carol = server.client(source)
        carol.transport = transport
        let family = address(peer).ip.family.rawValue
        #expect(server.expect(carol.allocate(.family(family)))[0].hasPrefix("allocate ok"))
        _ = server.expect(carol.permit(peer))
        let input = carol.indication(.send, .peer(peer), .empty(.dontFragment), .data("x"))
        #expect(server.expect(input) == ["50001 → \(peer): x" + mark])
    }

    @Test func needsAnAllocation() {
        let stranger = server.client("192.0.2.2:1000")
        #expect(server.expect(stranger.send("x", to: "8.8.8.8:9")) == ["drop noAllocation"])
        alice.listener = 1
        #expect(server.expect(alice.send("x", to: "8.8.8.8:9")) == ["drop noAllocation"])
    }

    @Test func needsNoCredentialsOfItsOwn() {
        let bob = server.client("192.0.2.1:1000", "bob")
        #expect(server.expect(bob.send("x", to: "8.8.8.8:9")) == ["50000 → 8.8.8.8:9: x"])
    }

    @Test func transactionsOfDataIndicationsDiffer() {
        var server = TURNServer(
            configuration: openConfiguration,
            seed: [UInt8](repeating: 1, count: 32)
        )
        var seen = Set<TransactionID>()
        allocate(&server)
        for _ in 0..<100 {
            let verdict = server.receive(
                fromPeer: address("8.8.8.8:9"),
                on: RelayIndex(rawValue: 3),
                count: 1,
                at: TestServer.start
            )
            guard case .deliver(let delivery) = verdict else { continue }
            seen.insert(delivery.transactionID)
        }
        #expect(seen.count == 100)
    }

    @Test func dataThatWouldNotFitBehindItsHeaderIsDropped() {
        var server = TURNServer(
            configuration: openConfiguration,
            seed: [UInt8](repeating: 1, count: 32)
        )
        allocate(&server)
        func verdict(_ count: Int) -> PeerVerdict {
            server.receive(
                fromPeer: address("8.8.8.8:9"),
                on: RelayIndex(rawValue: 3),
                count: count,
                at: TestServer.start
            )
        }
        #expect(verdict(65_507) == .drop(.oversized))
        #expect(verdict(65_469) == .drop(.oversized))
        guard case .deliver = verdict(65_468) else {
            Issue.record("fits")
            return
        }
    }

    @Test func headersThatDoNotFitAreNotWritten() {
        let delivery = Delivery(
            fiveTuple: FiveTuple(
                client: address("192.0.2.1:1"),
                listener: ListenerIndex(rawValue: 0)
            ),
            channel: 0,
            peer: address("8.8.8.8:9"),
            transactionID: TransactionID(high: 0, low: 0)
        )
        var buffer = [UInt8](repeating: 0, count: 35)
        var span = buffer.mutableSpan
        var bytes = span.mutableBytes
        #expect(TURNServer.writeHeader(of: delivery, count: 1, into: &bytes) == 0)
    }

    private var openConfiguration: ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.isAuthenticationRequired = false
        configuration.relayIPv4 = IPAddress("50.0.0.1")
        configuration.allocationCapacity = 4
        return configuration
    }

    /// An allocation with a permission, on relay 3.
    private func allocate(_ server: inout TURNServer) {
        var buffer = [UInt8](repeating: 0, count: 1500)
        var span = buffer.mutableSpan
        var reply = span.mutableBytes
        let transactionID = TransactionID(high: 1, low: 1)
        for bytes in [
            message(.allocate, .request, transactionID, [.transport(17)]),
            message(.createPermission, .request, transactionID, [.peer("8.8.8.8:1")]),
        ] {
            let verdict = server.receive(
                bytes.span.rawBytes,
                from: FiveTuple(
                    client: address("192.0.2.1:1"),
                    listener: ListenerIndex(rawValue: 0)
                ),
                at: TestServer.start,
                reply: &reply
            )
            guard case .open = verdict else { continue }
            _ = server.finishAllocate(
                .opened(relay: RelayIndex(rawValue: 3), port: 50_000),
                at: TestServer.start,
                reply: &reply
            )
        }
    }
}

@Suite("Bandwidth of an allocation")
struct BandwidthTests {
    private let text = String(repeating: "x", count: 1000)

    @Test func limitsEachDirectionOnItsOwn() {
        let server = TestServer { $0.bandwidthPerAllocation = 100_000 }
        let alice = server.allocatedClient()
        _ = server.expect(alice.bind(0x4000, to: "8.8.8.8:9"))
        let input = alice.channelData(0x4000, text)
        let sent = (0..<150).filter { _ in server.expect(input) != ["drop bandwidth"] }
        #expect(sent.count == 100)
        let received = (0..<150).filter { _ in
            server.expect(.peer("8.8.8.8:9", 50_000, text)) != ["drop bandwidth"]
        }
        #expect(received.count == 100)
        #expect(server.statistics.drops(.bandwidth) == 100)
        let later = (0..<150).filter { _ in
            server.expect(input, at: 0.5) != ["drop bandwidth"]
        }
        #expect(later.count == 50)
        // Another allocation has its own.
        let bob = server.allocatedClient("192.0.2.2:1", "bob")
        _ = server.expect(bob.bind(0x4000, to: "8.8.8.8:9"))
        #expect(server.expect(bob.channelData(0x4000, text)) == ["50001 → 8.8.8.8:9: \(text)"])
    }
}
