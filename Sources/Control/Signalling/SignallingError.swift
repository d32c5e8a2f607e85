/// Why signalling refuses something, in the words of AppRTC's signalling server, Collider.

/// An error of a client's command; clients and tests compare the text.
enum SignallingError: String, Error {
    case duplicateRegisterRequest = "Duplicated register request"
    case missingIdentifier = "Invalid register request: missing 'clientid' or 'roomid'"
    case duplicateRegistration = "Duplicated registration"
    case roomIsFull = "Max room capacity reached"
    case notRegistered = "Client not registered"
    case missingMessage = "Invalid send request: missing 'msg'"
    case unexpectedCommand = "Invalid message: unexpected 'cmd'"
    case unreadable = "websocket.JSON.Receive error: not a JSON object of strings"
    case queueIsFull = "Too many messages queued for the client"
    /// The addressee is not in the room, or the client could never be.
    case invalidClient = "Invalid client"

    /// Whether the connection stays open after it.
    var isForgiven: Bool { self == .unexpectedCommand }
}
