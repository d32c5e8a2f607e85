/// What must hold of every verdict.

import STUN
import TURN

extension World {
    /// An answer is a response, whole, and small; a nonce in it is kept.
    mutating func check(reply: [UInt8], _ client: Int) {
        guard let message = Message(reply.span.bytes) else { fatalError("not a message") }
        switch message.type.messageClass {
        case .success, .error: break
        case .request, .indication: fatalError("an answer is a response")
        }
        require(message.hasValidFingerprint != .invalid, "bad FINGERPRINT in an answer")
        if let nonce = message.first(.nonce) {
            nonces[client] = message.value(of: nonce).withUnsafeBytes { Array($0) }
        }
    }

    /// A payload lies in its datagram, and goes from an open relay to a peer that is allowed.
    func check(_ forward: Forward, _ datagram: [UInt8]) {
        require(openRelays.contains(forward.relay.rawValue), "forwarded to a closed relay")
        require(forward.offset >= 4 && forward.count >= 0, "payload before the header")
        require(forward.offset + forward.count <= datagram.count, "payload past the end")
        let ip = forward.destination.ip
        require(ip == ip.canonical, "forwarded to an address that is not canonical")
        require(forward.isOwnRelayAddress || Self.policy.allows(ip), "denied peer \(ip)")
        require(forward.destination.port != 0, "forwarded to port 0")
    }

    /// The header announces the payload.
    func check(_ delivery: Delivery, _ count: Int) {
        let padded = (count + 3) & ~3
        var buffer = [UInt8](repeating: 0, count: delivery.headerCount + padded)
        var span = buffer.mutableSpan
        var bytes = span.mutableBytes
        let headerCount = TURNServer.writeHeader(of: delivery, count: count, into: &bytes)
        require(headerCount == delivery.headerCount, "header of another length")
        guard delivery.channel == 0 else {
            let announced = ChannelData(buffer.span.bytes)?.count
            require(announced == count, "ChannelData of another length")
            return
        }
        guard let message = Message(buffer.span.bytes), let data = message.first(.data) else {
            fatalError("no Data indication")
        }
        require(data.offset == headerCount && data.count == count, "DATA elsewhere")
    }
}
