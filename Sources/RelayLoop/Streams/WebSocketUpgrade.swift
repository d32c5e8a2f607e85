/// The opening handshake of a WebSocket (RFC 6455 section 4.2): the request is judged, and the answer is written.
///
/// Nothing is said about the page that a browser's request comes from (Origin): what guards the relay are TURN's credentials, which
/// are in no cookie.

internal import STUN
internal import TURN

/// What a connection's first bytes ask for, where TURN over WebSocket is served.
enum WebSocketUpgrade {
    /// The request is not complete.
    case needsMore
    /// It may be a WebSocket: with the client's key, whether it knows the protocol "turn", and the bytes of the request.
    case accepted(key: [24 of UInt8], speaksTURN: Bool, count: Int)
    /// It asks for something else, which another server may have; the head may not be complete.
    case elsewhere
    /// It is answered with an error, and the connection is closed.
    case refused(HTTPRefusal)

    /// The longest request head in bytes.
    static let longestRequest = 8192
    /// The subprotocol of ours; a client that offers others only, or none, is served without one.
    static let subprotocol = "turn"

    /// Judges what came, for a server that serves WebSockets at `path`, and may share its port with another.
    init(_ bytes: RawSpan, path: String, _ isShared: Bool = false) {
        if isShared, HTTPRequestHead.asks(bytes, for: path) == false {
            self = .elsewhere
            return
        }
        guard let count = HTTPRequestHead.count(in: bytes, limit: Self.longestRequest) else {
            if HTTPRequestHead.canBegin(bytes) {
                self = bytes.byteCount < Self.longestRequest ? .needsMore : .refused(.tooLarge)
            } else {
                self = .refused(.badRequest)
            }
            return
        }
        guard let head = HTTPRequestHead(bytes, count: count) else {
            self = .refused(.badRequest)
            return
        }
        if let refusal = Self.refusal(of: head, path: path) {
            self = .refused(refusal)
            return
        }
        guard let range = head.only("Sec-WebSocket-Key"), let key = Self.key(bytes, range) else {
            self = .refused(.badRequest)
            return
        }
        let speaksTURN = head.has(Self.subprotocol, in: "Sec-WebSocket-Protocol")
        self = .accepted(key: key, speaksTURN: speaksTURN, count: count)
    }

    private static func refusal(of head: borrowing HTTPRequestHead, path: String) -> HTTPRefusal? {
        // A body would be taken for frames.
        let hasBody =
            head.occurrences(of: "Transfer-Encoding") > 0
            || head.occurrences(of: "Content-Length") > 0
        if !head.isHTTP11 || head.occurrences(of: "Host") != 1 || hasBody { return .badRequest }
        if !head.matches(head.path, path) { return .notFound }
        if !head.matches(head.method, "GET") { return .methodNotAllowed }
        if !head.has("websocket", in: "Upgrade") { return .upgradeRequired }
        if !head.has("upgrade", in: "Connection") { return .badRequest }
        guard let version = head.only("Sec-WebSocket-Version"), head.matches(version, "13") else {
            return .upgradeRequired
        }
        return nil
    }

    /// The key: 16 bytes in base64 (RFC 6455, 4.1).
    private static func key(_ bytes: RawSpan, _ range: Range<Int>) -> [24 of UInt8]? {
        guard range.count == 24 else { return nil }
        let start = range.lowerBound
        let isKey = (0..<24).allSatisfy { index in
            let byte = bytes.uint8(at: start + index)
            return index < 22 ? Base64.number(byte) != nil : byte == UInt8(ascii: "=")
        }
        return isKey ? .init { bytes.uint8(at: start + $0) } : nil
    }
}

// MARK: - Answers

extension WebSocketUpgrade {
    /// The room that an answer needs, in bytes.
    static let longestAnswer = 256

    /// Writes the answer that opens the WebSocket, and says how long it is.
    static func accept(
        key: [24 of UInt8],
        speaksTURN: Bool,
        in bytes: inout MutableRawSpan
    ) -> Int {
        var end = bytes.write(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
            at: 0
        )
        if speaksTURN {
            end = bytes.write("Sec-WebSocket-Protocol: \(subprotocol)\r\n", at: end)
        }
        end = bytes.write("Sec-WebSocket-Accept: ", at: end)
        let proof = WebSocketKey.accept(key.span.rawBytes)
        for index in proof.indices { bytes.store(proof[index], at: end + index) }
        return bytes.write("\r\n\r\n", at: end + proof.count)
    }
}

/// An error that ends an HTTP connection.
enum HTTPRefusal: Equatable {
    case badRequest
    case notFound
    case methodNotAllowed
    case upgradeRequired
    case tooLarge
    case unavailable

    /// Writes the answer, and says how long it is.
    func write(in bytes: inout MutableRawSpan) -> Int {
        let status = bytes.write("HTTP/1.1 \(line)\r\n", at: 0)
        return bytes.write("Content-Length: 0\r\nConnection: close\r\n\r\n", at: status)
    }

    /// The status, and the fields it has to have (RFC 9110, 15.5.6 and 15.5.22; RFC 6455, 4.4).
    private var line: String {
        switch self {
        case .badRequest: "400 Bad Request"
        case .notFound: "404 Not Found"
        case .methodNotAllowed: "405 Method Not Allowed\r\nAllow: GET"
        case .upgradeRequired:
            "426 Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13"
        case .tooLarge: "431 Request Header Fields Too Large"
        case .unavailable: "503 Service Unavailable"
        }
    }
}

extension MutableRawSpan {
    /// Writes a text, and says where it ends.
    @_lifetime(self: copy self)
    fileprivate mutating func write(_ text: String, at start: Int) -> Int {
        var end = start
        for byte in text.utf8 {
            store(byte, at: end)
            end += 1
        }
        return end
    }
}
