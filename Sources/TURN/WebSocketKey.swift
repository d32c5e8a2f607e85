/// The proof that a server speaks WebSocket, for the relay and for the control plane.
internal import STUN

/// The key of an opening handshake.
public enum WebSocketKey {
    /// The value of `Sec-WebSocket-Accept` for that of `Sec-WebSocket-Key` (RFC 6455 section 4.2.2).
    public static func accept(_ key: RawSpan) -> [28 of UInt8] {
        let suffix = Array("258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8)
        let digest = sha1(key, suffix.span.rawBytes)
        var text: [28 of UInt8] = .init(repeating: UInt8(ascii: "="))
        // 20 bytes: six groups of three, and two more.
        for group in 0..<7 {
            let isWhole = group < 6
            let high = UInt32(digest.bytes.uint16(at: 3 * group)) << 8
            let low = isWhole ? digest.bytes.uint8(at: 3 * group + 2) : 0
            let four = Base64.characters(high | UInt32(low))
            for index in 0..<(isWhole ? 4 : 3) { text[4 * group + index] = four[index] }
        }
        return text
    }
}
