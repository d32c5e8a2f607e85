/// Answers in JSON, and refusals as problem details (RFC 9457).

import FoundationEssentials
import NIOCore
import NIOHTTP1

/// Why a request was refused, as programs and people read it (RFC 9457 section 3.1).
struct Problem: Codable, Equatable {
    /// The kind; `about:blank` says no more than the status does.
    var type = "about:blank"
    /// The status in words.
    var title: String
    /// The status in digits.
    var status: Int
    /// What was wrong with this request.
    var detail: String
}

/// A value as JSON, the members of objects in the order of their names.
func jsonText(_ value: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(value) else {
        preconditionFailure("\(type(of: value)) cannot be written as JSON")
    }
    return String(decoding: data, as: UTF8.self)
}

extension Response {
    /// A value as JSON.
    static func json(
        _ status: HTTPResponseStatus,
        _ value: some Encodable,
        type: String = "application/json"
    ) -> Response {
        Response(status, type: type, ByteBuffer(string: jsonText(value)))
    }

    /// The response with one more header.
    func with(_ name: String, _ value: String) -> Response {
        var response = self
        response.headers.add(name: name, value: value)
        return response
    }

    /// A refusal with its reason.
    static func problem(_ status: HTTPResponseStatus, _ detail: String) -> Response {
        let problem = Problem(title: status.reasonPhrase, status: Int(status.code), detail: detail)
        return .json(status, problem, type: "application/problem+json")
    }

    /// The refusal of a request that lacks a token, or bears a wrong one.
    static func unauthorized(_ detail: String) -> Response {
        .problem(.unauthorized, detail).with("WWW-Authenticate", "Bearer")
    }

    /// The refusal of a request that came too soon.
    static func tooManyRequests(retryAfterSeconds: Int) -> Response {
        .problem(.tooManyRequests, "too many requests; try again later")
            .with("Retry-After", "\(retryAfterSeconds)")
    }

    /// The refusal of what only admins may do.
    static var adminOnly: Response {
        .unauthorized("the admin token is needed: Authorization: Bearer TOKEN")
    }
}
