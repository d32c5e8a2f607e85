/// What a request to the REST API passes before it is looked at: rates, and tokens where they are needed.

import NIOHTTP1
import TURN

/// A request that is not served, and the answer that says so.
struct Refusal: Error {
    let response: Response

    /// A refusal with its reason, for the client to read.
    init(_ status: HTTPResponseStatus, _ detail: String) {
        response = .problem(status, detail)
    }

    /// A refusal that is a whole response.
    init(_ response: Response) {
        self.response = response
    }
}

/// Lets requests through; lives on the event loop.
final class APIGate {
    /// 20 a second from one address: also what a guess at a token costs.
    private var requests = RateLimiter(perSecond: 20, burst: 100)
    /// One in 2 s of those that take memory: making a room, and joining one.
    private var claims = RateLimiter(secondsEach: 2, burst: 60)
    private let configuration: ControlConfiguration

    /// A gate with every bucket full.
    init(_ configuration: ControlConfiguration) {
        self.configuration = configuration
    }

    /// Refuses whose rate is exhausted.
    func count(_ request: Request, at now: Now) throws(Refusal) {
        guard let source = limitedSource(of: request) else { return }
        if !requests.allows(source, at: now.monotonic) {
            throw Refusal(.tooManyRequests(retryAfterSeconds: 1))
        }
    }

    /// Refuses who takes too many seats and rooms.
    func countClaim(_ request: Request, at now: Now) throws(Refusal) {
        guard let source = limitedSource(of: request) else { return }
        if !claims.allows(source, at: now.monotonic) {
            throw Refusal(.tooManyRequests(retryAfterSeconds: 2))
        }
    }

    /// Refuses all but the admin.
    func requireAdmin(_ request: Request) throws(Refusal) {
        if !request.isFromAdmin(configuration) {
            throw Refusal(.unauthorized("needs the admin's token"))
        }
    }

    /// Refuses who lacks the token of a room, where tokens are required.
    func requireAccess(_ request: Request, to room: String, at now: Now) throws(Refusal) {
        if !configuration.admits(request, to: room, at: now.unixSeconds) {
            throw Refusal(.unauthorized("needs a token of this room"))
        }
    }

    /// Nil for those whose rate is not limited: programs of this machine, and the admin.
    private func limitedSource(of request: Request) -> AddressPrefix? {
        request.isFromAdmin(configuration) ? nil : request.source
    }
}
