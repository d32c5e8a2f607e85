/// The messages that clients send.

import STUN
import TURN

extension World {
    func attribute(_ type: AttributeType, _ value: [UInt8]) -> [UInt8] {
        let head = [UInt8(type.rawValue >> 8), UInt8(type.rawValue & 0xFF)]
        let count = [UInt8(value.count >> 8), UInt8(value.count & 0xFF)]
        return head + count + value + [UInt8](repeating: 0, count: -value.count & 3)
    }

    func xorPeerAddress(_ address: TransportAddress) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 64)
        var span = buffer.mutableSpan
        var bytes = span.mutableBytes
        let type = MessageType(.binding, .request)
        // The message that will carry it is the next one.
        let id = TransactionID(high: 1, low: transaction + 1)
        var writer = MessageWriter(into: &bytes, type: type, transactionID: id)
        writer.append(.xorPeerAddress, xorAddress: address)
        return Array(buffer[20..<(writer.finish() ?? 20)])
    }

    mutating func request(
        _ method: Method,
        _ attributes: [UInt8],
        _ signer: Int?
    ) -> [UInt8] {
        message(MessageType(method, .request), attributes, signer)
    }

    /// A message of raw attributes, signed with the nonce of client `signer` where that is asked for.
    mutating func message(
        _ type: MessageType,
        _ attributes: [UInt8],
        _ signer: Int?
    ) -> [UInt8] {
        transaction += 1
        var header = [UInt8](repeating: 0, count: Message.headerCount)
        var span = header.mutableSpan
        var bytes = span.mutableBytes
        let id = TransactionID(high: 1, low: transaction)
        _ = MessageWriter(into: &bytes, type: type, transactionID: id).finish()
        return finish(header + attributes, isAuthenticationRequired ? signer : nil)
    }

    /// Sets the length of `head`, and signs it if there is a signer.
    private func finish(_ head: [UInt8], _ signer: Int?) -> [UInt8] {
        var message = head
        if let signer {
            message += attribute(.username, Self.user) + attribute(.realm, Self.realm)
            message += attribute(.nonce, nonces[signer])
            setLength(&message, adding: 24)
            let digest = hmacSHA1(key: Self.key.bytes, message.span.bytes)
            message += attribute(.messageIntegrity, digest.bytes.withUnsafeBytes { Array($0) })
        }
        setLength(&message, adding: 0)
        return message
    }

    private func setLength(_ message: inout [UInt8], adding count: Int) {
        let length = message.count - 20 + count
        message[2] = UInt8(truncatingIfNeeded: length >> 8)
        message[3] = UInt8(truncatingIfNeeded: length)
    }
}
