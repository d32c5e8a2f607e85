/// ICMP errors in the tests' one verb.
import STUN

@testable import TURN

extension TestServer {
    /// Hands over an ICMP error, and reads the indication that the client gets of it.
    func receive(
        _ error: ICMPError,
        about peer: TransportAddress,
        on port: UInt16,
        _ now: Now
    ) -> String {
        let relay = relays.first { $0.value == port }?.key ?? 999
        var buffer = [UInt8](repeating: 0xEE, count: Limits.replyBytes)
        var span = buffer.mutableSpan
        var reply = span.mutableBytes
        let verdict = server.receive(
            error,
            about: peer,
            on: RelayIndex(rawValue: relay),
            at: now,
            reply: &reply
        )
        switch verdict {
        case .drop(let reason): return "drop \(reason)"
        case .tell(let client, let count):
            let told = describe(indication: Array(buffer[..<count]))
            return "\(told) → \(client.client.description)/\(client.listener.rawValue)"
        }
    }

    /// The attributes of a Data indication in order: the peer, and ICMP's type, code and error data.
    private func describe(indication bytes: [UInt8]) -> String {
        guard let message = Message(bytes.span.rawBytes),
            message.type == MessageType(.data, .indication)
        else { return "malformed" }
        var words: [String] = []
        var cursor = message.attributes()
        while let attribute = cursor.next(in: message) {
            switch attribute.type {
            case .xorPeerAddress: words.append("about " + text(message.xorAddress(attribute)))
            case .icmp:
                let value = message.uint64(attribute) ?? .max
                // 16 bits reserved, 7 of type, 9 of code, 32 of data.
                let type = value >> 41
                let code = value >> 32 & 0x1FF
                words.append("icmp \(type)/\(code) \(value & 0xFFFF_FFFF)")
            default: words.append("attribute \(attribute.type.rawValue)")
            }
        }
        return words.joined(separator: " ")
    }
}
