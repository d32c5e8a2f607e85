/// A request as routes see it: whole, bounded, percent-decoded once.

import NIOCore
import NIOHTTP1
import STUN
import TURN

/// Where a request came from.
struct Peer: Equatable {
    /// The address of the other end without its port; nil on a Unix socket.
    var address: IPAddress?
    /// True for programs of this machine that ask for themselves: not for a proxy here, nor for a page of elsewhere.
    var isLocal: Bool
    /// True over TLS.
    var isEncrypted: Bool
}

/// One HTTP request with its whole body.
struct Request {
    var method: HTTPMethod
    /// The path as it was sent, without the query.
    var path: String
    /// The path's segments, percent-decoded; none for `/`.
    var segments: [String]
    /// The query's pairs in order, percent-decoded; the value is empty where there was no `=`.
    var query: [(name: String, value: String)]
    var headers: HTTPHeaders
    var body: ByteBuffer
    var peer: Peer
    /// What the parts of the route's path in braces stood for, such as `["room": "r1"]`.
    var names: [String: String] = [:]
    /// When it came.
    var time = Now.current

    /// The last value of a query parameter; nil when it is absent, which is not the same as empty.
    func parameter(_ name: String) -> String? {
        query.last { $0.name == name }?.value
    }

    /// A name of a room or a participant in the path; what could be none is not found.
    func name(_ part: String) throws(Response) -> String {
        guard let name = names[part], Lobby.isName(name) else {
            throw refusal(.notFound, "there is no such \(part)")
        }
        return name
    }

    /// A refusal: with its reason as problem details in the API, in the words of the status elsewhere.
    func refusal(_ status: HTTPResponseStatus, _ reason: String) -> Response {
        segments.first == "api"
            ? .problem(status, reason) : .text(status, "\(status.reasonPhrase)\n")
    }
}
