/// One TURN client as a state machine: what it wants goes in, requests come out, answers go in.

import CLoad

/// What a client asks of its server.
enum Wish {
    /// A Binding: the address that the server sees.
    case address
    case allocate(lifetimeSeconds: UInt32)
    case permit(Endpoint)
    case bind(channel: UInt16, Endpoint)
    case refresh(lifetimeSeconds: UInt32)
}

/// What an answer means for the wish.
enum Outcome {
    /// Ask again: the server has named its realm, or a fresh nonce.
    case askAgain
    case granted
    case refused(code: Int)
    /// Not an answer to what was asked last.
    case unrelated
}

/// Name and password; the key for a realm is made once (RFC 8489 9.2.2).
struct Credentials {
    let username: String
    let password: String
    private var realm: [UInt8] = []
    private var key: [UInt8] = []

    init(username: String, password: String) {
        self.username = username
        self.password = password
    }

    mutating func key(for realm: [UInt8]) -> [UInt8] {
        if realm == self.realm { return key }
        self.realm = realm
        let text = Array(username.utf8) + [0x3A] + realm + [0x3A] + Array(password.utf8)
        key = [UInt8](repeating: 0, count: 16)
        load_md5(text, text.count, &key)
        return key
    }
}

struct Client {
    let index: Int
    private var asked = Transaction.random()
    private var realm: [UInt8] = []
    private var nonce: [UInt8] = []
    private var challenges = 0
    /// The relayed address, once allocated.
    private(set) var relay: Endpoint?
    /// The lifetime that the server granted last, seconds.
    private(set) var lifetimeSeconds: UInt32 = 0

    init(index: Int) {
        self.index = index
        asked.client = UInt32(index)
    }

    /// The request for a wish, with a new transaction; signed as soon as the server has named its realm.
    mutating func request(_ wish: Wish, credentials: inout Credentials) -> [UInt8] {
        asked.count &+= 1
        var message = Client.unsigned(wish, transaction: asked)
        guard !nonce.isEmpty else { return message.bytes }
        message.append(.username, Array(credentials.username.utf8))
        message.append(.realm, realm)
        message.append(.nonce, nonce)
        message.sign(key: credentials.key(for: realm))
        return message.bytes
    }

    mutating func receive(_ message: MessageView) -> Outcome {
        guard message.transaction == asked else { return .unrelated }
        if message.type & MessageClass.mask == MessageClass.success {
            challenges = 0
            if let value = message.value(of: .xorRelayedAddress) { relay = Endpoint(xored: value) }
            if let value = message.value(of: .lifetime) {
                lifetimeSeconds = value.reduce(0) { $0 << 8 | UInt32($1) }
            }
            return .granted
        }
        let code = message.errorCode
        guard code == 401 || code == 438, challenges < 2, let nonce = message.value(of: .nonce)
        else { return .refused(code: code) }
        challenges += 1
        self.nonce = nonce
        if let realm = message.value(of: .realm) { self.realm = realm }
        return .askAgain
    }

    private static func unsigned(_ wish: Wish, transaction: Transaction) -> MessageBuilder {
        switch wish {
        case .address:
            return MessageBuilder(.binding, transaction: transaction)
        case .allocate(let lifetime):
            var message = MessageBuilder(.allocate, transaction: transaction)
            message.append(.requestedTransport, [17, 0, 0, 0])
            message.append(.lifetime, lifetime.bytes)
            return message
        case .permit(let peer):
            var message = MessageBuilder(.createPermission, transaction: transaction)
            message.append(.xorPeerAddress, peer.xored)
            return message
        case .bind(let channel, let peer):
            var message = MessageBuilder(.channelBind, transaction: transaction)
            message.append(.channelNumber, channel.bytes + [0, 0])
            message.append(.xorPeerAddress, peer.xored)
            return message
        case .refresh(let lifetime):
            var message = MessageBuilder(.refresh, transaction: transaction)
            message.append(.lifetime, lifetime.bytes)
            return message
        }
    }
}
