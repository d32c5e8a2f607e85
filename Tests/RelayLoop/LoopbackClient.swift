import Glibc
import IOURing
import STUN
import Testing

@testable import RelayLoop

/// A TURN client of few words: it asks over a real socket and reads what comes back.
final class LoopbackClient {
    let socket: any FarEnd
    let server: SocketAddress
    private var transactions: UInt64 = 0
    /// From a server that asks for credentials.
    private var nonce: [UInt8] = []

    init(_ relay: LoopbackRelay) throws {
        socket = try FarSocket(relay.address)
        server = relay.address
    }

    /// A client that reaches the server at another of its addresses.
    init(at server: SocketAddress) throws {
        socket = try FarSocket(server)
        self.server = server
    }

    /// A client that reaches the server over a stream.
    init(over stream: any FarEnd, _ relay: LoopbackRelay) {
        socket = stream
        server = relay.address
    }

    /// A client whose messages `end` carries to the server.
    init(over end: any FarEnd, at server: SocketAddress) {
        socket = end
        self.server = server
    }

    /// What the server answered.
    struct Answer: Equatable {
        var messageClass: MessageClass
        var error: UInt16?
        var relayed: SocketAddress?
        /// The second XOR-RELAYED-ADDRESS.
        var additional: SocketAddress?
        /// ADDRESS-ERROR-CODE: the family in the first byte, the code behind.
        var addressError: UInt32?
        var token: UInt64?
        var ticket: [UInt8]?
        /// CONNECTION-ID.
        var connectionID: UInt32?
        /// NONCE of a challenge.
        var nonce: [UInt8]?
    }

    /// Asks, and waits for the answer to just this request; who is challenged proves that he is the user.
    func ask(
        _ method: Method,
        _ attributes: [(AttributeType, AttributeValue)] = []
    ) throws -> Answer {
        let answer = try askOnce(method, attributes)
        guard answer.error == 401, nonce.isEmpty, let challenge = answer.nonce else {
            return answer
        }
        nonce = challenge
        return try askOnce(method, attributes)
    }

    private func askOnce(
        _ method: Method,
        _ attributes: [(AttributeType, AttributeValue)]
    ) throws -> Answer {
        transactions += 1
        let id = TransactionID(high: 7, low: transactions)
        try socket.send(message(method, .request, id, attributes), to: server)
        while let bytes = socket.receive() {
            if let answer = Self.answer(bytes, to: id) { return answer }
        }
        throw NoAnswer(method: method.rawValue)
    }

    struct NoAnswer: Error { let method: UInt16 }

    /// The value of an attribute to send.
    enum AttributeValue {
        case uint8(UInt8)
        case uint32(UInt32)
        case uint64(UInt64)
        case address(SocketAddress)
        case bytes([UInt8])
    }

    /// The bytes of a message; a request of somebody who was challenged is signed.
    func message(
        _ method: Method,
        _ messageClass: MessageClass,
        _ id: TransactionID,
        _ attributes: [(AttributeType, AttributeValue)]
    ) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let isSigned = messageClass == .request && !nonce.isEmpty
        let count = Self.write(
            into: &bytes,
            MessageType(method, messageClass),
            id,
            attributes + (isSigned ? LoopbackUser.attributes(nonce) : []),
            isSigned: isSigned
        )
        return Array(bytes.prefix(count))
    }

    private static func write(
        into bytes: inout [UInt8],
        _ type: MessageType,
        _ id: TransactionID,
        _ attributes: [(AttributeType, AttributeValue)],
        isSigned: Bool
    ) -> Int {
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        var writer = MessageWriter(into: &raw, type: type, transactionID: id)
        for (type, value) in attributes {
            switch value {
            case .uint8(let value): writer.append(type, uint8: value)
            case .uint32(let value): writer.append(type, uint32: value)
            case .uint64(let value): writer.append(type, uint64: value)
            case .address(let value): writer.append(type, xorAddress: TransportAddress(value))
            case .bytes(let value): writer.append(type, bytes: value)
            }
        }
        if isSigned { writer.appendIntegrity(.sha1, key: LoopbackUser.key) }
        return writer.finish() ?? 0
    }

    /// What the server says about a request; nil when it is about something else.
    static func answer(_ bytes: [UInt8], to id: TransactionID) -> Answer? {
        guard let message = Message(bytes.span.bytes), message.transactionID == id else {
            return nil
        }
        var answer = Answer(messageClass: message.type.messageClass)
        if let code = message.first(.errorCode), let value = message.uint32(code) {
            answer.error = UInt16((value >> 8 & 7) * 100 + value & 0xFF)
        }
        if let relayed = message.first(.xorRelayedAddress) {
            answer.relayed = message.xorAddress(relayed).map(SocketAddress.init)
        }
        if let error = message.first(.addressErrorCode), let value = message.uint32(error) {
            answer.addressError = value & 0xFF00_0000 | (value >> 8 & 7) * 100 + value & 0xFF
        }
        var cursor = message.attributes()
        while let attribute = cursor.next(in: message) {
            guard attribute.type == .xorRelayedAddress else { continue }
            let address = message.xorAddress(attribute).map(SocketAddress.init)
            if address != answer.relayed { answer.additional = address }
        }
        if let ticket = message.first(.mobilityTicket) {
            answer.ticket = message.value(of: ticket).withUnsafeBytes { Array($0) }
        }
        if let nonce = message.first(.nonce) {
            answer.nonce = message.value(of: nonce).withUnsafeBytes { Array($0) }
        }
        if let id = message.first(.connectionID) { answer.connectionID = message.uint32(id) }
        if let token = message.first(.reservationToken) { answer.token = message.uint64(token) }
        return answer
    }
}

// MARK: - What clients do

extension LoopbackClient {
    /// Allocates; returns the relayed address.
    func allocate(_ attributes: [(AttributeType, AttributeValue)] = []) throws -> Answer {
        try ask(.allocate, [(.requestedTransport, .uint32(17 << 24))] + attributes)
    }

    /// Allocates, lets a peer in, and binds a channel to it; returns the relayed address.
    func connect(to peer: SocketAddress, channel: UInt16 = 0x4000) throws -> SocketAddress {
        let relayed = try #require(try allocate().relayed)
        try bind(channel, to: peer)
        return relayed
    }

    func bind(_ channel: UInt16, to peer: SocketAddress) throws {
        let answer = try ask(
            .channelBind,
            [(.channelNumber, .uint32(UInt32(channel) << 16)), (.xorPeerAddress, .address(peer))]
        )
        try #require(answer.messageClass == .success)
    }

    func permit(_ peer: SocketAddress) throws {
        let answer = try ask(.createPermission, [(.xorPeerAddress, .address(peer))])
        try #require(answer.messageClass == .success)
    }

    /// Gives the allocation up.
    func refreshToNothing() throws -> Answer {
        try ask(.refresh, [(.lifetime, .uint32(0))])
    }

    /// Sends data through a channel.
    func send(_ data: [UInt8], channel: UInt16 = 0x4000) throws {
        try socket.send(Self.channelData(data, channel: channel), to: server)
    }

    /// Sends data in a Send indication.
    func indicate(
        _ data: [UInt8],
        to peer: SocketAddress,
        isDontFragment: Bool = false
    ) throws {
        let id = TransactionID(high: 9, low: 9)
        var attributes: [(AttributeType, AttributeValue)] = [
            (.xorPeerAddress, .address(peer)), (.data, .bytes(data)),
        ]
        if isDontFragment { attributes.append((.dontFragment, .bytes([]))) }
        try socket.send(message(.send, .indication, id, attributes), to: server)
    }

    static func channelData(_ data: [UInt8], channel: UInt16 = 0x4000) -> [UInt8] {
        [
            UInt8(channel >> 8), UInt8(truncatingIfNeeded: channel),
            UInt8(data.count >> 8), UInt8(truncatingIfNeeded: data.count),
        ] + data
    }

    /// The peer and the data of a Data indication.
    static func indicated(_ bytes: [UInt8]) -> (peer: SocketAddress, data: [UInt8])? {
        guard let message = Message(bytes.span.bytes), message.type.method == .data,
            let peer = message.first(.xorPeerAddress), let data = message.first(.data),
            let address = message.xorAddress(peer)
        else { return nil }
        return (SocketAddress(address), message.value(of: data).withUnsafeBytes { Array($0) })
    }
}
