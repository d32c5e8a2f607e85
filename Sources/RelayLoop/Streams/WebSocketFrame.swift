/// The frames of a WebSocket (RFC 6455 section 5), read where they lie and written before what they carry.
///
/// TURN over WebSocket is an extension of ours: each binary message is one STUN message or ChannelData. Reading keeps no
/// state: whatever is not complete stays at the front of the caller's bytes. A message may come in fragments, as every
/// endpoint has to accept (5.4), though no client of TURN has a reason to: in up to 16 pieces and 16 KiB.

internal import STUN

/// Why a WebSocket is closed (RFC 6455, 7.4.1).
enum WebSocketStatus: UInt16, Equatable {
    /// The purpose is fulfilled.
    case normal = 1000
    /// The server goes down.
    case goingAway = 1001
    /// A frame breaks the protocol.
    case protocolError = 1002
    /// The message is not binary.
    case unsupportedData = 1003
    /// The message is more than the server takes.
    case tooBig = 1009
}

/// What the front of the received bytes is.
enum WebSocketFrame: Equatable {
    /// It is not complete; at least so many bytes from the front on are needed.
    case needsMore(Int)
    /// A binary message: where its unmasked bytes are, and the bytes of its frames.
    case message(Range<Int>, count: Int)
    /// To be answered with a pong that has the same payload.
    case ping(Range<Int>, count: Int)
    /// Nothing to be done.
    case pong(count: Int)
    /// The client closes, with a status if it said one: to be answered with a close of the same status.
    case close(UInt16?, count: Int)
    /// To be answered with a close of this status, and the end of the connection.
    case refused(WebSocketStatus)

    /// The longest message in bytes.
    static let longestMessage = 65_536
    /// The longest message that may come in fragments.
    static let longestInFragments = 16_384
    /// The most fragments of a message.
    static let mostFragments = 16
    /// The longest payload of a control frame (5.5).
    static let longestControl = 125

    /// Takes the frame, or the fragments of a message, from the front of the bytes.
    ///
    /// Payloads are unmasked in place, so whoever got something with a `count` moves that far before the next call. A control
    /// frame among fragments is moved to the front, before them.
    static func first(in bytes: inout MutableRawSpan) -> WebSocketFrame {
        let header: WebSocketHeader
        switch WebSocketHeader.read(bytes.bytes, at: 0) {
        case .header(let found): header = found
        case .needsMore(let count): return .needsMore(count)
        case .refused(let status): return .refused(status)
        }
        switch header.opcode {
        case .continuation: return .refused(.protocolError)
        case .text: return .refused(.unsupportedData)
        case .binary where !header.isFinal: return fragments(in: &bytes, header)
        case .binary, .close, .ping, .pong: break
        }
        guard bytes.byteCount >= header.end else { return .needsMore(header.end) }
        bytes.unmask(header.payload, key: header.key)
        return header.opcode == .binary
            ? .message(header.payload, count: header.end) : control(bytes.bytes, header)
    }

    /// A control frame whose payload is unmasked.
    private static func control(_ bytes: RawSpan, _ header: WebSocketHeader) -> WebSocketFrame {
        switch header.opcode {
        case .ping: return .ping(header.payload, count: header.end)
        case .pong: return .pong(count: header.end)
        case .close, .continuation, .text, .binary: break
        }
        if header.payload.isEmpty { return .close(nil, count: header.end) }
        guard header.payload.count >= 2 else { return .refused(.protocolError) }
        let status = bytes.uint16(at: header.payload.lowerBound)
        switch status {
        case 1000...1003, 1007...1014, 3000...4999: return .close(status, count: header.end)
        default: return .refused(.protocolError)
        }
    }
}

// MARK: - Fragments

extension WebSocketFrame {
    /// Looks along the fragments of a message, and joins them when the last one is there.
    private static func fragments(
        in bytes: inout MutableRawSpan,
        _ first: WebSocketHeader
    ) -> WebSocketFrame {
        var (end, total) = (first.end, first.payload.count)
        for _ in 1..<mostFragments {
            if total > longestInFragments { return .refused(.tooBig) }
            if bytes.byteCount < end { return .needsMore(end) }
            let next: WebSocketHeader
            switch WebSocketHeader.read(bytes.bytes, at: end) {
            case .header(let found): next = found
            case .needsMore(let count): return .needsMore(count)
            case .refused(let status): return .refused(status)
            }
            switch next.opcode {
            case .text, .binary: return .refused(.protocolError)
            case .close, .ping, .pong: return interjection(in: &bytes, next)
            case .continuation: break
            }
            end = next.end
            total += next.payload.count
            guard next.isFinal else { continue }
            if total > longestInFragments { return .refused(.tooBig) }
            if bytes.byteCount < end { return .needsMore(end) }
            return join(&bytes, first, end)
        }
        return .refused(.tooBig)
    }

    /// Moves a control frame before the fragments that it lies behind, and takes it from there.
    private static func interjection(
        in bytes: inout MutableRawSpan,
        _ header: WebSocketHeader
    ) -> WebSocketFrame {
        let (start, count) = (header.start, header.end - header.start)
        guard bytes.byteCount >= header.end else { return .needsMore(header.end) }
        var frame: [131 of UInt8] = .init(repeating: 0)
        for index in 0..<count { frame[index] = bytes.bytes.uint8(at: start + index) }
        bytes.move(0..<start, to: count)
        for index in 0..<count { bytes.store(frame[index], at: index) }
        return first(in: &bytes)
    }

    /// Unmasks the fragments up to `end`, and moves their payloads behind the first one's.
    private static func join(
        _ bytes: inout MutableRawSpan,
        _ first: WebSocketHeader,
        _ end: Int
    ) -> WebSocketFrame {
        bytes.unmask(first.payload, key: first.key)
        var (joined, position) = (first.payload.upperBound, first.end)
        while position < end,
            case .header(let next) = WebSocketHeader.read(bytes.bytes, at: position)
        {
            bytes.unmask(next.payload, key: next.key)
            bytes.move(next.payload, to: joined)
            joined += next.payload.count
            position = next.end
        }
        return .message(first.payload.lowerBound..<joined, count: end)
    }
}
