/// The header of a WebSocket frame (RFC 6455, 5.2), masked as a client has to, and unmasked as a server writes it.

internal import STUN

/// What a frame is.
enum WebSocketOpcode: UInt8, Equatable {
    /// A further fragment.
    case continuation = 0
    /// Text.
    case text = 1
    /// Bytes.
    case binary = 2
    /// The end.
    case close = 8
    /// A question for a sign of life.
    case ping = 9
    /// The answer to it.
    case pong = 10

    /// Whether it is a control frame: short, never in fragments, and allowed between those of a message.
    var isControl: Bool { rawValue & 8 != 0 }
}

/// The header of a client's frame.
struct WebSocketHeader: Equatable {
    /// Where the frame begins.
    let start: Int
    /// What it is.
    let opcode: WebSocketOpcode
    /// Whether it ends a message.
    let isFinal: Bool
    /// The masking key, as it lies in memory.
    let key: UInt32
    /// Where the payload lies.
    let payload: Range<Int>

    /// Where the frame ends.
    var end: Int { payload.upperBound }

    /// What may be found where a frame should begin.
    enum Found: Equatable {
        /// A header; its payload need not be there.
        case header(WebSocketHeader)
        /// So many bytes are needed, counted from the front of all.
        case needsMore(Int)
        /// No header that a client may send.
        case refused(WebSocketStatus)
    }

    /// Reads the header at `start`, which is not behind the end of the bytes.
    static func read(_ bytes: RawSpan, at start: Int) -> Found {
        guard bytes.byteCount >= start + 2 else { return .needsMore(start + 2) }
        let (first, second) = (bytes.uint8(at: start), bytes.uint8(at: start + 1))
        // Reserved bits are for extensions, of which none is agreed on; a client has to mask (5.1, 5.2).
        guard first & 0x70 == 0, second & 0x80 != 0,
            let opcode = WebSocketOpcode(rawValue: first & 15)
        else { return .refused(.protocolError) }
        let isFinal = first & 0x80 != 0
        let short = Int(second & 0x7F)
        if opcode.isControl && (!isFinal || short > WebSocketFrame.longestControl) {
            return .refused(.protocolError)
        }
        let extra = short < 126 ? 0 : short == 126 ? 2 : 8
        let head = start + 2 + extra + 4
        guard bytes.byteCount >= head else { return .needsMore(head) }
        let length: UInt64 =
            switch extra {
            case 0: UInt64(short)
            case 2: UInt64(bytes.uint16(at: start + 2))
            default: bytes.uint64(at: start + 2)
            }
        // The shortest form has to be used (5.2).
        guard extra == 0 || length > (extra == 2 ? 125 : 65_535) else {
            return .refused(.protocolError)
        }
        guard length <= UInt64(WebSocketFrame.longestMessage) else { return .refused(.tooBig) }
        return .header(
            WebSocketHeader(
                start: start,
                opcode: opcode,
                isFinal: isFinal,
                key: bytes.uint32(at: head - 4).bigEndian,
                payload: head..<head + Int(length)
            )
        )
    }

    /// The bytes of a server's header before a payload: 2, 4 or, for more than 65 535 bytes, 10.
    static func byteCount(payload count: Int) -> Int {
        count < 126 ? 2 : count <= 65_535 ? 4 : 10
    }

    /// Writes a server's header of a whole message or a control frame so that it ends at `end`, where the payload begins.
    ///
    /// - Returns: Where it begins.
    static func write(
        _ opcode: WebSocketOpcode,
        payload count: Int,
        endingAt end: Int,
        in bytes: inout MutableRawSpan
    ) -> Int {
        let start = end - byteCount(payload: count)
        bytes.store(0x80 | opcode.rawValue, at: start)
        switch end - start {
        case 2: bytes.store(UInt8(count), at: start + 1)
        case 4:
            bytes.store(UInt8(126), at: start + 1)
            bytes.store(UInt16(count), at: start + 2)
        default:
            bytes.store(UInt8(127), at: start + 1)
            bytes.store(UInt64(count), at: start + 2)
        }
        return start
    }

    /// Writes a whole close frame at the front: 4 bytes.
    static func writeClose(_ status: UInt16, in bytes: inout MutableRawSpan) -> Int {
        _ = write(.close, payload: 2, endingAt: 2, in: &bytes)
        bytes.store(status, at: 2)
        return 4
    }
}

extension MutableRawSpan {
    /// Stores a number in network byte order.
    @_lifetime(self: copy self)
    mutating func store<Value: FixedWidthInteger & BitwiseCopyable>(
        _ value: Value,
        at offset: Int
    ) {
        storeBytes(of: value.bigEndian, toByteOffset: offset, as: Value.self)
    }

    /// Takes the mask off a range (RFC 6455, 5.3), or puts it on.
    @_lifetime(self: copy self)
    mutating func unmask(_ range: Range<Int>, key: UInt32) {
        let wide = UInt64(key) << 32 | UInt64(key)
        var position = range.lowerBound
        while position + 8 <= range.upperBound {
            let masked = bytes.uint64(at: position).bigEndian
            storeBytes(of: masked ^ wide, toByteOffset: position, as: UInt64.self)
            position += 8
        }
        var rest = wide.littleEndian
        while position < range.upperBound {
            store(bytes.uint8(at: position) ^ UInt8(truncatingIfNeeded: rest), at: position)
            rest >>= 8
            position += 1
        }
    }

    /// Moves a range to another place; both may overlap.
    @_lifetime(self: copy self)
    mutating func move(_ range: Range<Int>, to target: Int) {
        precondition(target >= 0 && target + range.count <= byteCount)
        // Eight bytes are read before they are written, in the order in which nothing is written over unread.
        let (source, count) = (range.lowerBound, range.count)
        if target < source {
            for chunk in 0..<count / 8 { moveEight(source + chunk * 8, to: target + chunk * 8) }
            for index in (count & ~7)..<count {
                store(bytes.uint8(at: source + index), at: target + index)
            }
        } else if target > source {
            for index in ((count & ~7)..<count).reversed() {
                store(bytes.uint8(at: source + index), at: target + index)
            }
            for chunk in (0..<count / 8).reversed() {
                moveEight(source + chunk * 8, to: target + chunk * 8)
            }
        }
    }

    @_lifetime(self: copy self)
    private mutating func moveEight(_ source: Int, to target: Int) {
        store(bytes.uint64(at: source), at: target)
    }
}
