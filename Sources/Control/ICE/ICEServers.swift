/// ICE servers: TURN credentials for those who joined, hold a token, or opened one of our pages.

import FoundationEssentials
import NIOCore
import NIOHTTP1
import STUN
import TURN
import Tokens

/// What a client is told about ICE (apprtc.md 2.9).
struct ICEConfiguration: Codable, Equatable {
    /// An `RTCIceServer`; `urls` is never empty, as some clients abort on that.
    struct Server: Codable, Equatable {
        var urls: [String]
        var username: String
        var credential: String
    }

    var iceServers: [Server]
    /// How long the credentials may be used to make allocations, such as `43200s`.
    var lifetimeDuration: String
}

/// Hands out time-limited TURN credentials; lives on the event loop.
///
/// A username is `EXPIRY:ROOM.PARTICIPANT`, so that what the relay carries can be counted for a room. AppRTC's clients
/// ask before they join: the address they are told to ask carries a key that is good for some minutes.
final class ICEServers {
    /// How long a key lasts: a client asks at once, and a user may be slow to answer for the camera.
    static let keySeconds: UInt64 = 900

    private let configuration: ControlConfiguration
    private let counters: ControlCounters
    private let isParticipant: (_ client: String, _ room: String) -> Bool
    private let signer: Signer
    /// By address: an office behind one address opens its calls within the burst.
    private var addresses = RateLimiter(milliseconds: 2000, burst: 60)
    /// By participant: only reloads and second devices ask again.
    private var holders = RateLimiter(milliseconds: 10_000, burst: 12)

    /// ICE servers for participants that `isParticipant` knows.
    init(
        _ configuration: ControlConfiguration,
        counters: ControlCounters,
        isParticipant: @escaping (_ client: String, _ room: String) -> Bool
    ) {
        self.configuration = configuration
        self.counters = counters
        self.isParticipant = isParticipant
        // Machines that share the key of room tokens accept each other's pages too.
        signer = Signer(key: configuration.roomTokenKey, for: "ice") ?? Signer(for: "ice")
    }

    /// Where a client asks for its ICE servers: absolute, with a key in it unless the request may not have one.
    ///
    /// - Parameters:
    ///   - request: The request for a page, for `/params` or to join.
    ///   - room: The room, if the client has chosen one.
    ///   - participant: Who it is there, once it has joined.
    /// - Returns: The URL.
    func url(for request: Request, room: String = "", participant: String? = nil) -> String {
        let (address, now) = (request.origin + "/v1alpha/iceconfig", request.time.unixSeconds)
        guard participant != nil || configuration.admits(request, to: room, at: now) else {
            return address
        }
        let visitor = "visitor-\(UInt64.random(in: .min ... .max))"
        let holder = Self.holder(room: room, participant: participant ?? visitor)
        let key = signer.token(of: holder, until: now + Self.keySeconds)
        return "\(address)?key=\(key).\(holder)"
    }

    /// The answer to a request for ICE servers, of either method.
    func reply(to request: Request) -> Response {
        let response = answer(to: request)
        if response.status != .ok { counters.add(.credentialsRefused) }
        return response
    }

    private func answer(to request: Request) -> Response {
        let now = request.time.monotonic
        if let source = request.source, !addresses.allows(source, at: now) {
            return .tooManyRequests(retryAfterSeconds: addresses.retryAfterSeconds)
        }
        guard let holder = holder(of: request) else {
            let claims = "a key of ours, a room and its client, or a room and its token"
            return .unauthorized("needs \(claims)")
        }
        if !holders.allows(holder, at: now) {
            return .tooManyRequests(retryAfterSeconds: holders.retryAfterSeconds)
        }
        return .json(.ok, issue(to: holder, for: request))
    }

    /// The ICE servers of a holder that has proved to be it.
    func issue(to holder: String, for request: Request) -> ICEConfiguration {
        let (ice, urls) = (configuration.ice, urls(host: request.host))
        var servers: [ICEConfiguration.Server] = []
        if !urls.isEmpty && !ice.secret.isEmpty {
            let (username, password) = TimeLimitedCredentials.make(
                secret: Array(ice.secret.utf8),
                user: holder,
                expiry: request.time.unixSeconds + UInt64(ice.lifetimeSeconds)
            )
            servers = [.init(urls: urls, username: username, credential: password)]
            counters.add(.credentialsIssued)
        }
        return ICEConfiguration(iceServers: servers, lifetimeDuration: "\(ice.lifetimeSeconds)s")
    }

    private func urls(host: String) -> [String] {
        let ice = configuration.ice
        if !ice.urls.isEmpty { return ice.urls }
        // Certificates are for names, and Firefox takes nothing else here.
        let isName = IPAddress(bracketed: host) == nil
        return [
            ice.udpPort.map { "turn:\(host):\($0)?transport=udp" },
            ice.tcpPort.map { "turn:\(host):\($0)?transport=tcp" },
            isName ? ice.tlsPort.map { "turns:\(host):\($0)?transport=tcp" } : nil,
        ].compactMap { $0 }
    }

    /// Who a request proves to be for; nil when it proves nothing.
    private func holder(of request: Request) -> String? {
        let unixSeconds = request.time.unixSeconds
        // EXPIRY.SIGNATURE.HOLDER
        let key = (request.parameter("key") ?? "").split(separator: ".", maxSplits: 2)
        if key.count == 3 {
            let (token, holder) = ("\(key[0]).\(key[1])", String(key[2]))
            if signer.accepts(token, of: holder, at: unixSeconds) { return holder }
        }
        guard let room = request.parameter("room"), Lobby.isName(room) else { return nil }
        if let client = request.parameter("client"), isParticipant(client, room) {
            return Self.holder(room: room, participant: client)
        }
        guard let token = request.roomToken,
            RoomTokens(key: configuration.roomTokenKey).accepts(token, for: room, at: unixSeconds)
        else { return nil }
        return Self.holder(room: room, participant: "token")
    }

    /// The user that credentials and keys are for: at most 257 bytes, as names have 128.
    static func holder(room: String, participant: String) -> String { "\(room).\(participant)" }
}

extension Now {
    /// The present.
    static var current: Now {
        Now(
            monotonic: Instant(nanoseconds: NIODeadline.now().uptimeNanoseconds),
            unixSeconds: UInt64(max(0, Date().timeIntervalSince1970))
        )
    }
}
