/// A WebSocket client that sends exactly the frames it is told to.

import Testing

@testable import Control

/// A frame as a server sent it.
struct RawFrame: Equatable {
    var isFinal = true
    var opcode: UInt8
    var payload: [UInt8]

    /// The code of a close frame.
    var code: Int? {
        opcode == 8 && payload.count >= 2 ? Int(payload[0]) << 8 | Int(payload[1]) : nil
    }

    var text: String { String(decoding: payload, as: UTF8.self) }

    /// The frame as a client sends it.
    func bytes(mask: [UInt8]? = [1, 2, 3, 4], reserved: UInt8 = 0) -> [UInt8] {
        var bytes = [(isFinal ? 0x80 : 0) | reserved | opcode]
        let masked: UInt8 = mask == nil ? 0 : 0x80
        switch payload.count {
        case 0...125: bytes.append(masked | UInt8(payload.count))
        case 126...65_535:
            bytes += [masked | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default:
            bytes.append(masked | 127)
            bytes += (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> ((7 - $0) * 8)) }
        }
        guard let mask else { return bytes + payload }
        return bytes + mask + payload.enumerated().map { $1 ^ mask[$0 & 3] }
    }
}

extension RawClient {
    static let upgrade = [
        "Upgrade: websocket", "Connection: keep-alive, Upgrade", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]

    /// A client whose connection was upgraded.
    static func webSocket(port: Int, _ headers: [String] = []) throws -> RawClient {
        let client = try RawClient(port: port)
        client.request("GET /ws", upgrade + headers)
        let response = try client.response()
        guard response.status == 101 else { throw Problem() }
        return client
    }

    @discardableResult
    func send(text: String) -> Bool {
        send(RawFrame(opcode: 1, payload: Array(text.utf8)).bytes())
    }

    /// The next frame; a server masks none.
    func frame() throws -> RawFrame {
        let head = try take(2)
        var size = Int(head[1])
        if size == 126 || size == 127 {
            size = try take(size == 126 ? 2 : 8).reduce(0) { $0 << 8 | Int($1) }
        }
        return RawFrame(
            isFinal: head[0] & 0x80 != 0,
            opcode: head[0] & 0x0F,
            payload: try take(size)
        )
    }
}
