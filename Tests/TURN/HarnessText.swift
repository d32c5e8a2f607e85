/// What goes to clients, as text.
import STUN

@testable import TURN

extension TestServer {
    /// A response as one line: method, outcome, attributes, signature.
    ///
    /// The signature is named `sha1` or `sha256` if it is right under the client's key, `forged` if it is
    /// wrong, and left out if there is none.
    func describe(_ bytes: [UInt8], to request: [UInt8], of client: TestClient) -> String {
        guard bytes.count >= 20, bytes[4..<20] == request[4..<20] else {
            return "foreign transaction"
        }
        let text = describe(withCookie(bytes), of: client)
        return withCookie(bytes) == bytes ? text : text + " without cookie"
    }

    private func withCookie(_ bytes: [UInt8]) -> [UInt8] {
        Array(bytes[..<4]) + [0x21, 0x12, 0xA4, 0x42] + Array(bytes[8...])
    }

    private func describe(_ bytes: [UInt8], of client: TestClient) -> String {
        guard let message = Message(bytes.span.rawBytes) else { return "malformed" }
        var words = [name(message.type.method), outcome(message)]
        var cursor = message.attributes()
        while let attribute = cursor.next(in: message) {
            if let word = word(attribute, message, client) { words.append(word) }
        }
        return words.joined(separator: " ")
    }

    /// A delivery with its payload, parsed from the header that the server writes.
    func describe(_ delivery: Delivery, _ payload: [UInt8]) -> String {
        var header = [UInt8](repeating: 0xEE, count: 48)
        var span = header.mutableSpan
        var bytes = span.mutableBytes
        let count = TURNServer.writeHeader(of: delivery, count: payload.count, into: &bytes)
        let text = String(decoding: payload, as: UTF8.self)
        let receiver =
            "\(delivery.fiveTuple.client.description)/\(delivery.fiveTuple.listener.rawValue)"
        if delivery.channel != 0 {
            let datagram = header[..<4] + payload
            guard count == 4, let channel = ChannelData(datagram.span.rawBytes),
                channel.count == payload.count
            else { return "malformed" }
            return "channel \(String(channel.channel, radix: 16)) → \(receiver): \(text)"
        }
        let padding = [UInt8](repeating: 0, count: (4 - payload.count % 4) % 4)
        let datagram = header[..<count] + payload + padding
        guard let message = Message(datagram.span.rawBytes),
            message.type == MessageType(.data, .indication),
            let peer = message.first(.xorPeerAddress).flatMap({ message.xorAddress($0) }),
            let data = message.first(.data), data.offset == count, data.count == payload.count
        else { return "malformed" }
        return "data from \(peer.description) → \(receiver): \(text)"
    }

    private func name(_ method: Method) -> String {
        switch method {
        case .binding: "binding"
        case .allocate: "allocate"
        case .refresh: "refresh"
        case .createPermission: "permission"
        case .channelBind: "channel"
        case .connect: "connect"
        case .connectionBind: "bind"
        default: "method \(method.rawValue)"
        }
    }

    private func outcome(_ message: borrowing Message) -> String {
        switch message.type.messageClass {
        case .success: return "ok"
        case .error:
            let code = message.first(.errorCode).flatMap { message.errorCode($0) }
            return code.map { "\($0.value)" } ?? "no code"
        case .request, .indication: return "not a response"
        }
    }

    private func word(
        _ attribute: Attribute,
        _ message: borrowing Message,
        _ client: TestClient
    ) -> String? {
        switch attribute.type {
        case .errorCode: return nil
        // Parts of a challenge, and only of one.
        case .realm where message.first(.nonce) != nil: return nil
        case .passwordAlgorithms where message.first(.nonce) != nil: return nil
        case .nonce:
            client.nonce = (0..<attribute.count).map { message.uint8(attribute, at: $0) ?? 0 }
            return "challenge"
        case .xorRelayedAddress: return "relayed=" + text(message.xorAddress(attribute))
        case .xorMappedAddress: return "mapped=" + text(message.xorAddress(attribute))
        case .lifetime: return "lifetime=\(message.uint32(attribute) ?? 0)"
        case .reservationToken: return "token"
        case .connectionID: return "id"
        case .mobilityTicket:
            client.ticket = (0..<attribute.count).map { message.uint8(attribute, at: $0) ?? 0 }
            return "ticket"
        case .addressErrorCode:
            return "addressError=" + String(message.uint32(attribute) ?? 0, radix: 16)
        case .unknownAttributes:
            let types = stride(from: 0, to: attribute.count, by: 2).map {
                String(message.uint16(attribute, at: $0) ?? 0, radix: 16)
            }
            return "unknown=" + types.joined(separator: ",")
        case .messageIntegrity: return message.integrity(.sha1, key: client.key) ? "sha1" : "forged"
        case .messageIntegritySHA256:
            return message.integrity(.sha256, key: client.key) ? "sha256" : "forged"
        case .fingerprint: return message.hasValidFingerprint == .valid ? "fingerprint" : "broken"
        case .software: return "software"
        case .mappedAddress: return "plain=" + text(message.address(attribute))
        case .responseOrigin: return "origin=" + text(message.address(attribute))
        case .otherAddress: return "other=" + text(message.address(attribute))
        case .alternateServer: return "alternate=" + text(message.address(attribute))
        case .alternateDomain: return "domain=" + text(of: attribute, message)
        case .padding:
            let value = (0..<attribute.count).map { message.uint8(attribute, at: $0) ?? 1 }
            return "padding=\(attribute.count)" + (value.allSatisfy { $0 == 0 } ? "" : " leaking")
        case .thirdPartyAuthorization: return "server=" + text(of: attribute, message)
        default: return "attribute \(String(attribute.type.rawValue, radix: 16))"
        }
    }

    func text(_ address: TransportAddress?) -> String { address?.description ?? "none" }

    private func text(of attribute: Attribute, _ message: borrowing Message) -> String {
        let bytes = (0..<attribute.count).map { message.uint8(attribute, at: $0) ?? 0 }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension TestServer {
    /// A client that has asked for a nonce; without a name it never proves who it is.
    func client(
        _ address: String = "192.0.2.1:1000",
        _ username: String? = "alice",
        password: String? = nil,
        at seconds: Double = 0
    ) -> TestClient {
        let passwords = ["alice": "wonder", "bob": "builder"]
        let client = TestClient(
            TURNTests.address(address),
            username: username,
            password: password ?? passwords[username ?? ""] ?? ""
        )
        if username != nil { _ = expect(client.unsigned(.allocate), at: seconds) }
        return client
    }

    /// A client that has an allocation; its port is `nextPort` as it was.
    func allocatedClient(
        _ address: String = "192.0.2.1:1000",
        _ username: String? = "alice",
        at seconds: Double = 0,
        family: UInt8? = nil
    ) -> TestClient {
        let client = client(address, username, at: seconds)
        let input = family.map { client.allocate(.family($0)) } ?? client.allocate()
        let outputs = expect(input, at: seconds)
        precondition(outputs.count == 1 && outputs[0].hasPrefix("allocate ok"), "\(outputs)")
        return client
    }
}
