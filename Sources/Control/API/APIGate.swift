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
    /// What one address may have only so often.
    enum Ration: CaseIterable {
        /// Any answer: also what a guess at a token costs.
        case request
        /// A seat, which is free again soon unless a socket keeps it.
        case seat
        /// A room, which stays for a day though nobody comes.
        case room

        fileprivate var limiter: RateLimiter {
            switch self {
            case .request: RateLimiter(milliseconds: 50, burst: 100)
            case .seat: RateLimiter(milliseconds: 2000, burst: 60)
            case .room: RateLimiter(milliseconds: 30_000, burst: 20)
            }
        }
    }

    private var limiters = Dictionary(
        uniqueKeysWithValues: Ration.allCases.map { ($0, $0.limiter) }
    )
    private let configuration: ControlConfiguration

    /// A gate with every bucket full.
    init(_ configuration: ControlConfiguration) {
        self.configuration = configuration
    }

    /// Refuses an address whose ration is used up; there is none for programs of this machine and the admin.
    func count(_ ration: Ration, of request: Request, at now: Now) throws(Refusal) {
        guard !request.isFromAdmin(configuration), let source = request.source,
            limiters[ration]?.allows(source, at: now.monotonic) == false
        else { return }
        let seconds = limiters[ration]?.retryAfterSeconds ?? 1
        throw Refusal(.tooManyRequests(retryAfterSeconds: seconds))
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
}
