/// Room tokens: who has one may use a room until it expires.

/// Makes and checks room tokens: `EXPIRY.SIGNATURE`, the expiry in seconds since 1970.
///
/// A token names its room only in what is signed, so it says nothing to those who have another room's.
public struct RoomTokens: Sendable {
    private let signer: Signer?

    /// Tokens of a key; with one of less than 16 bytes there are none, and none is accepted.
    public init(key: String) {
        signer = Signer(key: key, for: "room")
    }

    /// Bytes of a room's name, in UTF-8.
    public static let nameLimit = 128

    /// Whether a text may name a room: 1 to 128 of `[A-Za-z0-9_-]`.
    public static func isRoom(_ text: String) -> Bool {
        (1...nameLimit).contains(text.utf8.count)
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_".contains($0)) }
    }

    /// The token of a room until `expiry`, in seconds since 1970; nil without a key.
    public func token(for room: String, until expiry: UInt64) -> String? {
        signer?.token(of: room, until: expiry)
    }

    /// Whether a token opens a room at this time.
    public func accepts(_ token: String, for room: String, at unixSeconds: UInt64) -> Bool {
        signer?.accepts(token, of: room, at: unixSeconds) == true
    }
}
