/// What a route answers.

import NIOCore
import NIOHTTP1

/// One HTTP response with its whole body; a route throws one that refuses.
struct Response: Error {
    var status: HTTPResponseStatus
    var headers: HTTPHeaders
    var body: ByteBuffer

    /// A response with a body of a type; `Content-Length` and the headers every response has are added when it is sent.
    init(_ status: HTTPResponseStatus, type: String?, _ body: ByteBuffer) {
        self.status = status
        headers = type.map { ["Content-Type": $0] } ?? [:]
        self.body = body
    }

    /// Plain text in UTF-8.
    static func text(_ status: HTTPResponseStatus, _ text: String) -> Response {
        Response(status, type: "text/plain; charset=utf-8", ByteBuffer(string: text))
    }

    /// A response without a body.
    static func empty(_ status: HTTPResponseStatus) -> Response {
        Response(status, type: nil, ByteBuffer())
    }
}

extension Response {
    /// Adds what every response says, where a route has not said it; makes every value fit for one line.
    mutating func addCommonHeaders() {
        headers = HTTPHeaders(headers.map { ($0.name, Self.onOneLine($0.value)) })
        headers.replaceOrAdd(name: "X-Content-Type-Options", value: "nosniff")
        add(missing: "Referrer-Policy", "same-origin")
        add(missing: "Cache-Control", "no-store")
        if headers.first(name: "Content-Type")?.hasPrefix("text/html") == true {
            add(missing: "Content-Security-Policy", Page.contentSecurityPolicy)
        }
    }

    private mutating func add(missing name: String, _ value: String) {
        if !headers.contains(name: name) { headers.add(name: name, value: value) }
    }

    /// Control characters end a header or begin another one; none has business in a value.
    private static func onOneLine(_ value: String) -> String {
        let bytes = value.utf8.map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: " ") : $0 }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// When and how a request is answered.
enum Reply {
    /// At once.
    case now(Response)
    /// Once others have answered; for the admin's questions to relay threads.
    case later(EventLoopFuture<Response>)
    /// By server-sent events until either side ends; the closure gets what sends them, once the head is sent.
    case events((HTTPConnection) -> Void)
}
