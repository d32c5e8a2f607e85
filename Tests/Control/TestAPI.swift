/// The routes of the REST API over rooms of their own, with a clock that tests move.

import FoundationEssentials
import NIOCore
import NIOHTTP1
import TURN

@testable import Control

/// An API whose configuration can be changed until the first request.
final class TestAPI {
    static let adminToken = "the admin's own token"

    var configuration: ControlConfiguration
    /// The clock, in seconds since 1970.
    var seconds: UInt64 = 5000
    /// Every answer by operation and status, such as `GET /api/v1/rooms 200`.
    private(set) var answered: Set<String> = []
    private lazy var parts: (router: Router, lobby: Lobby) = makeParts()

    init() {
        configuration = ControlConfiguration()
        configuration.adminToken = Self.adminToken
        configuration.roomTokenKey = "0123456789abcdef"
        configuration.ice.udpPort = 3478
        configuration.ice.secret = "the secret of tests"
        configuration.ice.lifetimeSeconds = 3600
    }

    var lobby: Lobby { parts.lobby }

    /// The answer to a request of somebody far away.
    func call(
        _ method: HTTPMethod,
        _ target: String,
        headers: HTTPHeaders = ["Host": "turn.example.org:8080"],
        body: String = "",
        from address: String = "198.51.100.7"
    ) -> Response {
        let request = makeRequest(
            target,
            method: method,
            headers: headers,
            body: body,
            from: address,
            at: Now(
                monotonic: Instant(nanoseconds: seconds * Instant.nanosecondsPerSecond),
                unixSeconds: seconds
            )
        )
        guard case .now(let response)? = parts.router.reply(to: request) else {
            preconditionFailure("\(method) \(target) has no route that answers at once")
        }
        let room = request.segments.count > 3 ? request.segments[3] : nil
        let participant = request.segments.count > 5 ? request.segments[5] : nil
        var segments = request.segments
        if room != nil { segments[3] = "{room}" }
        if participant != nil { segments[5] = "{participant}" }
        let path = "/" + segments.joined(separator: "/")
        answered.insert("\(method.rawValue) \(path) \(response.status.code)")
        return response
    }

    /// The answer to a body of JSON.
    func call(_ method: HTTPMethod, _ target: String, json: String) -> Response {
        let headers: HTTPHeaders = ["Host": "h", "Content-Type": "application/json"]
        return call(method, target, headers: headers, body: json)
    }

    /// The answer to the admin.
    func admin(_ method: HTTPMethod, _ target: String) -> Response {
        let headers: HTTPHeaders = ["Host": "h", "Authorization": "Bearer \(Self.adminToken)"]
        return call(method, target, headers: headers)
    }

    /// Takes a seat.
    func join(_ room: String) throws -> ParticipantDocument {
        try call(.POST, "/api/v1/rooms/\(room)/participants").decoded(ParticipantDocument.self)
    }

    private func makeParts() -> (Router, Lobby) {
        let context = ControlContext(configuration)
        var router = Router()
        APIRoutes(context: context).add(to: &router)
        return (router, context.lobby)
    }
}
