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
    /// One in 2 s of those that take a seat, which is free again soon unless a socket keeps it.
    private var seats = RateLimiter(secondsEach: 2, burst: 60)
    /// One in 30 s of those that make a room, which stays for a day though nobody comes.
    private var rooms = RateLimiter(secondsEach: 30, burst: 20)
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

    /// Refuses who takes too many seats.
    func countSeat(_ request: Request, at now: Now) throws(Refusal) {
        guard let source = limitedSource(of: request) else { return }
        if !seats.allows(source, at: now.monotonic) {
            throw Refusal(.tooManyRequests(retryAfterSeconds: 2))
        }
    }

    /// Refuses who makes too many rooms.
    func countRoom(_ request: Request, at now: Now) throws(Refusal) {
        guard let source = limitedSource(of: request) else { return }
        if !rooms.allows(source, at: now.monotonic) {
            throw Refusal(.tooManyRequests(retryAfterSeconds: 30))
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
