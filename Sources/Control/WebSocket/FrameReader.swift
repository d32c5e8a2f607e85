/// The receiving end of RFC 6455: bytes in as they come, whole messages out.
///
/// NIOWebSocket's decoder holds a frame back until it is whole and leaves fragments to the reader; here both grow in one
/// buffer under one bound, and what a client may not send is refused at the first byte that shows it.

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

    private struct Frame {
        var opcode: WebSocketOpcode
        var isFinal: Bool
        var mask: [UInt8]
        /// Bytes of the payload that came, and those still to come.
        var received = 0, missing: Int
    }

    private let limit: Int
    private var header: [UInt8] = []
    private var frame: Frame?
    private var control = ByteBuffer()
    private var message = ByteBuffer()
    private var isInMessage = false

    /// A reader of messages of up to `limit` bytes.
    init(limit: Int) {
        self.limit = limit
    }

    /// The bytes of an unfinished message.
    var heldBytes: Int { message.readableBytes }

    /// True inside a frame or between the parts of a message.
    var isWaitingForMore: Bool { isInMessage || frame != nil || !header.isEmpty }

    /// The next event of these bytes, nil once all are read.
    mutating func next(_ bytes: inout ByteBuffer) -> Event? {
        while true {
            if let current = frame {
                guard current.missing == 0 || bytes.readableBytes > 0 else { return nil }
                readPayload(current, &bytes)
                if frame?.missing == 0, let event = finishFrame() { return event }
            } else {
                guard let byte = bytes.readInteger(as: UInt8.self) else { return nil }
                header.append(byte)
                if let code = headerViolation() { return .violation(code) }
            }
        }
    }

    /// Looks at the header as far as it came; makes the frame once it is whole.
    private mutating func headerViolation() -> WebSocketErrorCode? {
        if header.count < 2 { return nil }
        let isControl = header[0] & 0x08 != 0
        let size = header[1] & 0x7F
        if header.count == 2 {
            let isFinal = header[0] & 0x80 != 0
            if header[0] & 0x70 != 0 || header[1] & 0x80 == 0 { return .protocolError }
            if isControl && (!isFinal || size > 125) { return .protocolError }
        }
        let sizeBytes = size == 127 ? 8 : size == 126 ? 2 : 0
        guard header.count == 2 + sizeBytes + 4 else { return nil }
        let large = header[2..<2 + sizeBytes].reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        return beginFrame(count: sizeBytes == 0 ? UInt64(size) : large)
    }

    private mutating func beginFrame(count: UInt64) -> WebSocketErrorCode? {
        let opcode = WebSocketOpcode(encodedWebSocketOpcode: header[0] & 0x0F)
        switch opcode {
        case .text, .binary:
            if isInMessage { return .protocolError }
        case .continuation:
            if !isInMessage { return .protocolError }
        case .ping, .pong, .connectionClose: break
        default: return .protocolError
        }
        guard let opcode, count < 1 << 63 else { return .protocolError }
        let isData = header[0] & 0x08 == 0
        if isData && count > UInt64(max(0, limit - message.readableBytes)) {
            return .messageTooLarge
        }
        if isData { isInMessage = true }
        frame = Frame(
            opcode: opcode,
            isFinal: header[0] & 0x80 != 0,
            mask: Array(header.suffix(4)),
            missing: Int(count)
        )
        header.removeAll(keepingCapacity: true)
        return nil
    }

    private mutating func readPayload(_ current: Frame, _ bytes: inout ByteBuffer) {
        let count = min(current.missing, bytes.readableBytes)
        guard count > 0, var part = bytes.readSlice(length: count) else { return }
        switch current.opcode {
        case .text, .binary, .continuation: message.append(&part, current.mask, current.received)
        default: control.append(&part, current.mask, current.received)
        }
        frame?.received += count
        frame?.missing -= count
    }

    private mutating func finishFrame() -> Event? {
        guard let finished = frame else { return nil }
        frame = nil
        let payload = control
        switch finished.opcode {
        case .text, .binary, .continuation:
            guard finished.isFinal else { return .fragment }
            defer { message = ByteBuffer() }
            isInMessage = false
            return .message(message)
        case .ping:
            control = ByteBuffer()
            return .ping(payload)
        case .pong:
            control = ByteBuffer()
            return .pong
        default:
            return Self.close(payload)
        }
    }

    /// A close frame's code must be there or not at all, and be one that may be sent (RFC 6455 section 7.4).
    private static func close(_ payload: ByteBuffer) -> Event {
        var payload = payload
        if payload.readableBytes == 0 { return .close(nil) }
        guard let code = payload.readInteger(as: UInt16.self) else {
            return .violation(.protocolError)
        }
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: break
        default: return .violation(.protocolError)
        }
        if String(validating: payload.readableBytesView, as: UTF8.self) == nil {
            return .violation(.dataInconsistentWithMessage)
        }
        return .close(WebSocketErrorCode(codeNumber: Int(code)))
    }
}

extension ByteBuffer {
    /// Appends a part of a payload that begins `offset` bytes into it, unmasked.
    fileprivate mutating func append(_ part: inout ByteBuffer, _ mask: [UInt8], _ offset: Int) {
        let start = readableBytes
        writeBuffer(&part)
        withUnsafeMutableReadableBytes { bytes in
            for index in start..<bytes.count { bytes[index] ^= mask[(index - start + offset) & 3] }
        }
    }

    /// One whole frame as a server sends it: unmasked.
    ///
    /// - Parameters:
    ///   - opcode: What it is.
    ///   - payload: Its bytes.
    init(frame opcode: WebSocketOpcode, _ payload: some Collection<UInt8>) {
        let count = payload.count
        self.init()
        reserveCapacity(count + 10)
        writeInteger(0x80 | UInt8(webSocketOpcode: opcode))
        switch count {
        case 0...125:
            writeInteger(UInt8(count))
        case 126...65_535:
            writeInteger(126 as UInt8)
            writeInteger(UInt16(count))
        default:
            writeInteger(127 as UInt8)
            writeInteger(UInt64(count))
        }
        writeBytes(payload)
    }
}
