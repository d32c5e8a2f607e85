/// Room tokens: who has one may use a room until it expires.

import NIOHTTP1

/// Makes and checks room tokens: `EXPIRY.SIGNATURE`, the expiry in seconds since 1970.
///
/// A token names its room only in what is signed, so it says nothing to those who have another room's.
public struct RoomTokens: Sendable {
    private let signer: Signer?

    /// Tokens of a key; with one of less than 16 bytes there are none, and none is accepted.
    public init(key: String) {
        signer = Signer(key: key, for: "room")
    }

    /// Whether a text may name a room.
    public static func isRoom(_ text: String) -> Bool { Lobby.isName(text) }

    /// The token of a room until `expiry`, in seconds since 1970; nil without a key.
    public func token(for room: String, until expiry: UInt64) -> String? {
        signer?.token(of: room, until: expiry)
    }

    /// Whether a token opens a room at this time.
    func accepts(_ token: String, for room: String, at unixSeconds: UInt64) -> Bool {
        signer?.accepts(token, of: room, at: unixSeconds) == true
    }
}

extension Request {
    /// The credential of `Authorization: Bearer` (RFC 6750 section 2.1).
    var bearerToken: String? {
        guard let value = headers["Authorization"].first else { return nil }
        let parts = value.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return String(parts[1])
    }

    /// The room token: in the query for links, or in the header.
    var roomToken: String? { parameter("token") ?? bearerToken }

    /// Whether the request came over the admin socket or bears the admin's token.
    func isFromAdmin(_ configuration: ControlConfiguration) -> Bool {
        if isFromAdminSocket { return true }
        guard !configuration.adminToken.isEmpty, let bearerToken else { return false }
        return isEqualInConstantTime(bearerToken, configuration.adminToken)
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
