/// The receiving end of RFC 6455: bytes in as they come, whole messages out.
///
/// NIOWebSocket's decoder says nothing of a frame that has begun and leaves fragments to the reader; here all that waits
/// is counted, and what a client may not send is refused at the first bytes that show it.

import NIOCore
import NIOWebSocket

/// Takes frames apart and messages together; the bytes of a connection go through one reader, in order.
struct FrameReader {
    /// What the bytes amount to.
    enum Event: Equatable {
        /// A whole text or binary message.
        case message(ByteBuffer)
        /// A part of a message ended; more will follow.
        case fragment
        /// A ping, to be answered with the same bytes.
        case ping(ByteBuffer)
        /// An answer to a ping.
        case pong
        /// The client closes, with this code if it gave one.
        case close(WebSocketErrorCode?)
        /// The client broke the rules; nothing may be read any more.
        case violation(WebSocketErrorCode)
    }

    private let limit: Int
    /// The frames that were not read yet; the last may have come in part.
    private var bytes = ByteBuffer()
    /// The parts of a message that began.
    private var message: ByteBuffer?

    /// A reader of messages of up to `limit` bytes.
    init(limit: Int) {
        self.limit = limit
    }

    /// The bytes of an unfinished message, and of a frame that came in part.
    var heldBytes: Int { bytes.readableBytes + (message?.readableBytes ?? 0) }

    /// True inside a frame or between the parts of a message.
    var isWaitingForMore: Bool { message != nil || bytes.readableBytes > 0 }

    /// The next event of these bytes, which are taken; nil once all are read.
    mutating func next(_ more: inout ByteBuffer) -> Event? {
        bytes.writeBuffer(&more)
        var rest = bytes
        guard let (first, second) = rest.readMultipleIntegers(as: (UInt8, UInt8).self) else {
            return nil
        }
        let (isFinal, isControl, size) = (first & 0x80 != 0, first & 0x08 != 0, second & 0x7F)
        guard first & 0x70 == 0, second & 0x80 != 0, [0, 1, 2, 8, 9, 10].contains(first & 0x0F),
            isControl ? isFinal && size <= 125 : (first & 0x0F == 0) == (message != nil)
        else { return .violation(.protocolError) }
        guard let count = Self.count(size, &rest) else { return nil }
        if count >= 1 << 63 { return .violation(.protocolError) }
        let free = limit - (message?.readableBytes ?? 0)
        if !isControl && count > UInt64(max(0, free)) { return .violation(.messageTooLarge) }
        guard let mask = rest.readBytes(length: 4), let key = WebSocketMaskingKey(mask),
            var payload = rest.readSlice(length: Int(count))
        else { return nil }
        // A slice holds on to no more than what is in it once it is written to.
        bytes = rest.readableBytes == 0 ? ByteBuffer() : rest.slice()
        payload.webSocketUnmask(key)
        return event(first & 0x0F, isFinal, payload)
    }

    /// The length of a payload (RFC 6455 section 5.2); nil when not all of it has come.
    private static func count(_ size: UInt8, _ bytes: inout ByteBuffer) -> UInt64? {
        switch size {
        case 126: bytes.readInteger(as: UInt16.self).map(UInt64.init)
        case 127: bytes.readInteger(as: UInt64.self)
        default: UInt64(size)
        }
    }

    private mutating func event(_ opcode: UInt8, _ isFinal: Bool, _ payload: ByteBuffer) -> Event {
        var payload = payload
        switch opcode {
        case 8: return Self.close(payload)
        case 9: return .ping(payload)
        case 10: return .pong
        default:
            var whole = message ?? ByteBuffer()
            message = nil
            whole.writeBuffer(&payload)
            if isFinal { return .message(whole) }
            message = whole
            return .fragment
        }
    }

    /// A close frame's code must be there or not at all, and be one that may be sent (RFC 6455 section 7.4).
    private static func close(_ payload: ByteBuffer) -> Event {
        var payload = payload
        if payload.readableBytes == 0 { return .close(nil) }
        switch payload.readInteger(as: UInt16.self) {
        case let code? where [1000...1003, 1007...1014, 3000...4999].contains { $0 ~= code }:
            let isText = String(validating: payload.readableBytesView, as: UTF8.self) != nil
            let close = Event.close(WebSocketErrorCode(codeNumber: Int(code)))
            return isText ? close : .violation(.dataInconsistentWithMessage)
        default: return .violation(.protocolError)
        }
    }
}
