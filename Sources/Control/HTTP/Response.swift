/// What a route answers.

import NIOCore
import NIOHTTP1

/// One HTTP response with its whole body.
struct Response {
    var status: HTTPResponseStatus
    var headers: HTTPHeaders
    var body: ByteBuffer

    /// A response with a body of a type; `Content-Length` and the headers every response has are added when it is sent.
    init(_ status: HTTPResponseStatus, type: String, _ body: ByteBuffer) {
        self.status = status
        self.headers = ["Content-Type": type]
        self.body = body
    }

    /// Plain text in UTF-8.
    static func text(_ status: HTTPResponseStatus, _ text: String) -> Response {
        Response(status, type: "text/plain; charset=utf-8", ByteBuffer(string: text))
    }

    /// A response without a body.
    static func empty(_ status: HTTPResponseStatus) -> Response {
        var response = Response.text(status, "")
        response.headers.remove(name: "Content-Type")
        return response
    }
}

/// When and how a request is answered.
enum Reply {
    /// At once.
    case now(Response)
    /// Once others have answered; for the admin's questions to relay threads.
    case later(EventLoopFuture<Response>)
    /// By server-sent events until either side ends; the closure gets the stream once its head is sent.
    case events((any EventStream) -> Void)
}

/// The sending end of server-sent events; lives on the event loop.
protocol EventStream: AnyObject {
    /// Sends one event with this data (one line); false once the client is gone or too slow.
    func send(_ data: String) -> Bool
    /// Ends the stream.
    func end()
}
