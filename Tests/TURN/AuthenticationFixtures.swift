import STUN
import Testing

@testable import TURN

/// The attributes of one request, in the order they are written.
struct RequestDraft {
    var username: [UInt8]? = Array("alice".utf8)
    var userhash: [UInt8]?
    var realm: [UInt8]? = Array("example.org".utf8)
    var nonce: [UInt8]?
    var algorithms: [UInt8]?
    var algorithm: [UInt8]?
    var integrity: [IntegrityKind] = [.sha1]
    var key: IntegrityKey?

    /// The request's bytes.
    func bytes() -> [UInt8] {
        var storage = [UInt8](repeating: 0, count: 1500)
        let count = storage.withUnsafeMutableBytes { buffer -> Int in
            var span = MutableRawSpan(_unsafeBytes: buffer)
            let type = MessageType(.refresh, .request)
            let transaction = TransactionID(high: 1, low: 2)
            var writer = MessageWriter(into: &span, type: type, transactionID: transaction)
            if let username { writer.append(.username, bytes: username) }
            if let userhash { writer.append(.userhash, bytes: userhash) }
            if let realm { writer.append(.realm, bytes: realm) }
            if let nonce { writer.append(.nonce, bytes: nonce) }
            if let algorithms { writer.append(.passwordAlgorithms, bytes: algorithms) }
            if let algorithm { writer.append(.passwordAlgorithm, bytes: algorithm) }
            for kind in integrity {
                writer.appendIntegrity(kind, key: key ?? RequestDraft.key(.md5, "alice", "secret"))
            }
            return writer.finish() ?? 0
        }
        return Array(storage[..<count])
    }

    static func key(
        _ algorithm: PasswordAlgorithm,
        _ name: String,
        _ password: String,
        realm: String = "example.org"
    ) -> IntegrityKey {
        let name = Array(name.utf8)
        let realm = Array(realm.utf8)
        let password = Array(password.utf8)
        return switch algorithm {
        case .md5:
            .md5(
                username: name.span.rawBytes,
                realm: realm.span.rawBytes,
                password: password.span.rawBytes
            )
        case .sha256:
            .sha256(
                username: name.span.rawBytes,
                realm: realm.span.rawBytes,
                password: password.span.rawBytes
            )
        }
    }
}

/// A server's authentication, and what a client of it would send.
struct AuthenticatingServer {
    var authentication: Authentication
    var client = TransportAddress(ip: IPAddress(ipv4: 0xcb00_7105), port: 4000)
    var now = Now(monotonic: Instant(nanoseconds: 0), unixSeconds: 1_700_000_000)

    init(
        users: [(String, String)] = [("alice", "secret")],
        secrets: [String] = [],
        isRequired: Bool = true,
        software: String = ""
    ) {
        var configuration = ServerConfiguration()
        configuration.realm = "example.org"
        configuration.software = software
        configuration.users = users.compactMap { StaticUser(name: $0.0, password: $0.1) }
        configuration.secrets = secrets.map { Array($0.utf8) }
        configuration.isAuthenticationRequired = isRequired
        configuration.nonceLifetimeSeconds = 600
        authentication = Authentication(configuration: configuration, seed: Array(0..<32))
    }

    /// The challenge this server sends, as attribute values.
    func challenge(_ code: ErrorCode = .unauthorized) -> [AttributeType: [UInt8]] {
        var storage = [UInt8](repeating: 0xff, count: 1500)
        let count = storage.withUnsafeMutableBytes { buffer -> Int in
            var span = MutableRawSpan(_unsafeBytes: buffer)
            let type = MessageType(.allocate, .error)
            let transaction = TransactionID(high: 1, low: 2)
            var writer = MessageWriter(into: &span, type: type, transactionID: transaction)
            authentication.appendChallenge(code, to: &writer, for: client, at: now)
            return writer.finish() ?? 0
        }
        return attributes(Array(storage[..<count]))
    }

    func attributes(_ bytes: [UInt8]) -> [AttributeType: [UInt8]] {
        var values: [AttributeType: [UInt8]] = [:]
        guard let message = Message(bytes.span.rawBytes) else { return values }
        var cursor = message.attributes()
        while let attribute = cursor.next(in: message) {
            values[attribute.type] = Array(
                bytes[attribute.offset..<attribute.offset + attribute.count]
            )
        }
        return values
    }

    /// A request with a fresh nonce, as `edit` makes it.
    func draft(_ edit: (inout RequestDraft) -> Void = { _ in }) -> RequestDraft {
        var draft = RequestDraft()
        draft.nonce = challenge()[.nonce]
        edit(&draft)
        return draft
    }

    func answer(
        _ draft: RequestDraft,
        session: Identity? = nil,
        checksExpiry: Bool = true
    ) -> AuthenticationResult {
        let bytes = draft.bytes()
        guard let message = Message(bytes.span.rawBytes) else { return .badRequest }
        return authentication.authenticate(
            message,
            from: client,
            session: session,
            checksExpiry: checksExpiry,
            at: now
        )
    }

    func isAuthenticated(_ bytes: [UInt8]) -> Bool {
        guard let message = Message(bytes.span.rawBytes) else { return false }
        let result = authentication.authenticate(
            message,
            from: client,
            session: nil,
            checksExpiry: true,
            at: now
        )
        if case .authenticated = result { return true }
        return false
    }

    func identity(
        _ draft: RequestDraft,
        session: Identity? = nil,
        checksExpiry: Bool = true
    ) -> Identity? {
        guard
            case .authenticated(let identity) = answer(
                draft,
                session: session,
                checksExpiry: checksExpiry
            )
        else { return nil }
        return identity
    }

    /// The code of the answer; 0 when the request is let through.
    func code(_ draft: RequestDraft, session: Identity? = nil, checksExpiry: Bool = true) -> UInt16
    {
        switch answer(draft, session: session, checksExpiry: checksExpiry) {
        case .authenticated, .anonymous: 0
        case .challenge(let code): code.value
        case .badRequest: 400
        }
    }
}

let sha256Only: [UInt8] = [0, 2, 0, 0]
let md5Only: [UInt8] = [0, 1, 0, 0]

extension IntegrityKey {
    static func == (first: IntegrityKey, second: IntegrityKey) -> Bool {
        first.bytes.isEqualInConstantTime(to: second.bytes)
    }
}
