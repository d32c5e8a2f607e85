/// A client as a test plays it: it has an address, credentials and a nonce, and makes datagrams.
import STUN
import TURN

/// A TURN client.
final class TestClient {
    let address: TransportAddress
    var listener: UInt16 = 0
    /// What carries its messages, and over which connection.
    var transport = ClientTransport.udp, connection = ConnectionIndex.none
    var username: String?
    var password: String
    var realm = "turnpike"
    /// From the server's challenge.
    var nonce: [UInt8] = []
    /// The newest ticket it was given (RFC 8016).
    var ticket: [UInt8] = []
    var integrity = IntegrityKind.sha1
    /// Sends PASSWORD-ALGORITHM(S) and derives the key so; nil: as RFC 5389 did.
    var algorithm: PasswordAlgorithm?
    /// Sends USERHASH in place of USERNAME.
    var usesUserhash = false
    /// Sends ACCESS-TOKEN.
    var accessToken: [UInt8]?
    /// The key of its requests, in place of a long-term key.
    var sessionKey: [UInt8]?
    /// Sends FINGERPRINT.
    var usesFingerprint = false
    /// The transaction of the last message.
    private(set) var transactionID = TransactionID(high: 7, low: 0)

    init(_ address: TransportAddress, username: String?, password: String) {
        self.address = address
        self.username = username
        self.password = password
    }

    /// How it reaches the server.
    var fiveTuple: FiveTuple {
        FiveTuple(
            client: address,
            listener: ListenerIndex(rawValue: listener),
            transport: transport,
            connection: connection
        )
    }

    /// The key of the client's requests, and of the answers to them.
    var key: IntegrityKey {
        if let key = sessionKey.flatMap({ IntegrityKey(bytes: $0.span.rawBytes) }) { return key }
        let username = Array((username ?? "").utf8)
        let realm = Array(realm.utf8)
        let password = Array(password.utf8)
        return switch algorithm {
        case .sha256:
            .sha256(
                username: username.span.rawBytes,
                realm: realm.span.rawBytes,
                password: password.span.rawBytes
            )
        case .md5, nil:
            .md5(
                username: username.span.rawBytes,
                realm: realm.span.rawBytes,
                password: password.span.rawBytes
            )
        }
    }

    /// A signed request; a new transaction unless it is a `retransmission`.
    func request(
        _ method: Method,
        _ attributes: TestAttribute...,
        retransmission: Bool = false
    ) -> TestInput {
        if !retransmission { advance() }
        guard username != nil else {
            return datagram(
                message(method, .request, transactionID, attributes, fingerprint: usesFingerprint)
            )
        }
        return datagram(
            message(
                method,
                .request,
                transactionID,
                attributes + credentials,
                signedBy: TestSignature(kind: integrity, key: key),
                fingerprint: usesFingerprint
            )
        )
    }

    /// A request with these attributes and nothing else.
    func unsigned(_ method: Method, _ attributes: TestAttribute...) -> TestInput {
        advance()
        return datagram(
            message(method, .request, transactionID, attributes, fingerprint: usesFingerprint)
        )
    }

    /// An Allocate request for UDP.
    func allocate(_ attributes: TestAttribute...) -> TestInput {
        advance()
        let attributes = [.transport(17)] + attributes
        guard username != nil else {
            return datagram(message(.allocate, .request, transactionID, attributes))
        }
        return datagram(
            message(
                .allocate,
                .request,
                transactionID,
                attributes + credentials,
                signedBy: TestSignature(kind: integrity, key: key),
                fingerprint: usesFingerprint
            )
        )
    }

    /// A Refresh request with a ticket (RFC 8016 3.2.1).
    func resume(_ attributes: TestAttribute..., with ticket: [UInt8]) -> TestInput {
        advance()
        return datagram(
            message(
                .refresh,
                .request,
                transactionID,
                attributes + [.bytes(.mobilityTicket, ticket)]
                    + (username == nil ? [] : credentials),
                signedBy: username == nil ? nil : TestSignature(kind: integrity, key: key)
            )
        )
    }

    /// A CreatePermission request for these peers.
    func permit(_ peers: String...) -> TestInput {
        advance()
        return datagram(
            message(
                .createPermission,
                .request,
                transactionID,
                peers.map { .peer($0) } + (username == nil ? [] : credentials),
                signedBy: username == nil ? nil : TestSignature(kind: integrity, key: key)
            )
        )
    }

    /// A ChannelBind request.
    func bind(_ channel: UInt16, to peer: String) -> TestInput {
        request(.channelBind, .channel(channel), .peer(peer))
    }

    /// An indication.
    func indication(_ method: Method, _ attributes: TestAttribute...) -> TestInput {
        advance()
        return datagram(message(method, .indication, transactionID, attributes))
    }

    /// A Send indication.
    func send(_ text: String, to peer: String) -> TestInput {
        indication(.send, .peer(peer), .data(text))
    }

    /// A ChannelData message; `padding` bytes follow the data.
    func channelData(_ channel: UInt16, _ text: String, padding: Int = 0) -> TestInput {
        let data = Array(text.utf8)
        let header = [channel >> 8, channel & 0xFF, UInt16(data.count >> 8), UInt16(data.count)]
        return datagram(
            header.map { UInt8(truncatingIfNeeded: $0) } + data
                + [UInt8](repeating: 0xEE, count: padding)
        )
    }

    /// Bytes as they are.
    func datagram(_ bytes: [UInt8]) -> TestInput { .client(self, bytes) }

    private func advance() {
        transactionID = TransactionID(high: 7, low: transactionID.low + 1)
    }

    private var credentials: [TestAttribute] {
        var attributes: [TestAttribute] = [user, .text(.realm, realm), .bytes(.nonce, nonce)]
        if let accessToken { attributes.append(.bytes(.accessToken, accessToken)) }
        if let algorithm {
            attributes += [
                .bytes(.passwordAlgorithms, [0, 2, 0, 0, 0, 1, 0, 0]),
                .uint32(.passwordAlgorithm, UInt32(algorithm.rawValue) << 16),
            ]
        }
        return attributes
    }

    private var user: TestAttribute {
        let name = Array((username ?? "").utf8)
        guard usesUserhash else { return .bytes(.username, name) }
        let realm = Array(realm.utf8)
        let hash = userhash(username: name.span.rawBytes, realm: realm.span.rawBytes)
        return .bytes(
            .userhash,
            (0..<32).map { hash.bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
        )
    }
}
