import STUN
import Testing

@testable import TURN

@Suite("Stale nonces under a flood")
struct StaleNonceUnderFloodTests {
    private let client = TransportAddress(ip: IPAddress(ipv4: 0xcb00_7105), port: 4000)

    private func server() -> TURNServer {
        var configuration = ServerConfiguration()
        configuration.users = [StaticUser(name: "alice", password: "secret")].compactMap { $0 }
        configuration.relayIPv4 = IPAddress("50.0.0.1")
        configuration.allocationCapacity = 4
        configuration.unauthenticatedPerSecond = 1
        return TURNServer(configuration: configuration, seed: [UInt8](repeating: 3, count: 32))
    }

    /// A Refresh of alice with a nonce that is long gone, or nothing but the request.
    private func refresh(isSigned: Bool) -> [UInt8] {
        let (name, realm) = (Array("alice".utf8), Array("turnpike".utf8))
        let key = IntegrityKey.md5(
            username: name.span.rawBytes,
            realm: realm.span.rawBytes,
            password: Array("secret".utf8).span.rawBytes
        )
        var buffer = [UInt8](repeating: 0, count: 200)
        var span = buffer.mutableSpan
        var bytes = span.mutableBytes
        var writer = MessageWriter(
            into: &bytes,
            type: MessageType(.refresh, .request),
            transactionID: TransactionID(high: 0, low: 1)
        )
        if isSigned {
            writer.append(.username, bytes: name)
            writer.append(.realm, bytes: realm)
            writer.append(.nonce, bytes: Array("stale".utf8))
            writer.appendIntegrity(.sha1, key: key)
        }
        let count = writer.finish() ?? 0
        return Array(buffer[..<count])
    }

    private func answer(_ server: inout TURNServer, to datagram: [UInt8]) -> ErrorCode? {
        var buffer = [UInt8](repeating: 0, count: 1500)
        var span = buffer.mutableSpan
        var reply = span.mutableBytes
        let verdict = server.receive(
            datagram.span.rawBytes,
            from: FiveTuple(client: client, listener: ListenerIndex(rawValue: 0)),
            at: Now(monotonic: Instant(nanoseconds: 1 << 40), unixSeconds: 1_800_000_000),
            reply: &reply
        )
        guard case .reply(let count) = verdict,
            let message = Message(Array(buffer[..<count]).span.rawBytes)
        else { return nil }
        return message.first(.errorCode).flatMap { message.errorCode($0) }
    }

    /// Symptom: strangers of the same /24 used up the answers, and sessions ended when their nonces did.
    @Test func whoKnowsAPasswordIsToldOfAStaleNonceAllTheSame() {
        var server = server()
        var challenges = 0
        for _ in 0..<100 where answer(&server, to: refresh(isSigned: false)) == .unauthorized {
            challenges += 1
        }
        #expect(challenges == 2)
        for _ in 0..<10 {
            #expect(answer(&server, to: refresh(isSigned: true)) == .staleNonce)
        }
    }
}
