/// What a request passes before it is looked at: rates, and tokens where they are needed.

import NIOHTTP1
import TURN
import Tokens

/// Lets requests through; lives on the event loop.
final class Gate {
    /// What one address may have only so often.
    enum Ration { case request, seat, room, join, post }

    private var limiters: [Ration: RateLimiter] = [
        // Any answer of the API: also what a guess at a token costs.
        .request: RateLimiter(milliseconds: 50, burst: 100),
        // A seat by the API, which is free again soon unless a socket keeps it.
        .seat: RateLimiter(milliseconds: 2000, burst: 60),
        // A room, which stays for a day though nobody comes.
        .room: RateLimiter(milliseconds: 30_000, burst: 20),
        // A seat by AppRTC's routes; a lecture hall behind one address joins within the burst.
        .join: RateLimiter(milliseconds: 200, burst: 200),
        // A message by Collider's route; a call's are some 20, and most go over sockets.
        .post: RateLimiter(milliseconds: 50, burst: 200),
    ]
    private let configuration: ControlConfiguration

    /// A gate with every bucket full.
    init(_ configuration: ControlConfiguration) {
        self.configuration = configuration
    }

    /// Refuses an address whose ration is used up; there is none for programs of this machine and the admin.
    func count(_ ration: Ration, of request: Request) throws(Response) {
        guard let source = request.source, !request.isFromAdmin(configuration),
            limiters[ration]?.allows(source, at: request.time.monotonic) == false
        else { return }
        throw .tooManyRequests(retryAfterSeconds: limiters[ration]?.retryAfterSeconds ?? 1)
    }

    /// Refuses all but the admin.
    func requireAdmin(_ request: Request) throws(Response) {
        if !request.isFromAdmin(configuration) { throw .adminOnly }
    }

    /// Refuses all but the admin and programs of this machine, who may look at figures.
    func requireWatcher(_ request: Request) throws(Response) {
        if !request.mayWatch(configuration) { throw .adminOnly }
    }

    /// Refuses who lacks the token of a room, where tokens are required.
    func requireAccess(_ request: Request, to room: String) throws(Response) {
        if !configuration.admits(request, to: room, at: request.time.unixSeconds) {
            throw .unauthorized("needs a token of this room")
        }
    }
}

extension Request {
    /// The credential of `Authorization: Bearer` (RFC 6750 section 2.1).
    var bearerToken: String? {
        let parts = headers["Authorization"].first?.split(separator: " ", maxSplits: 1) ?? []
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return String(parts[1])
    }

    /// The room token: in the query for links, or in the header.
    var roomToken: String? { parameter("token") ?? bearerToken }

    /// Whether it came over the admin socket, which only the server's own user may open, or bears the admin's token.
    func isFromAdmin(_ configuration: ControlConfiguration) -> Bool {
        if peer.isLocal && peer.address == nil { return true }
        guard !configuration.adminToken.isEmpty, let bearerToken else { return false }
        return isEqualInConstantTime(bearerToken, configuration.adminToken)
    }

    /// Whether it may look at figures: an admin, or a program of this machine.
    func mayWatch(_ configuration: ControlConfiguration) -> Bool {
        peer.isLocal || isFromAdmin(configuration)
    }
}

extension ControlConfiguration {
    /// Whether a request may use a room: always where tokens are not required, else with the room's or the admin's.
    func admits(_ request: Request, to room: String, at unixSeconds: UInt64) -> Bool {
        if !rooms.requiresToken || request.isFromAdmin(self) { return true }
        guard let token = request.roomToken else { return false }
        return RoomTokens(key: roomTokenKey).accepts(token, for: room, at: unixSeconds)
    }
}
