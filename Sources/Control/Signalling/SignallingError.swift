/// Why signalling refuses something, in the words of AppRTC's signalling server, Collider.

/// An error of a client's command; clients and tests compare the text.
enum SignallingError: Error, Equatable {
    case duplicateRegisterRequest
    case missingIdentifier
    case duplicateRegistration
    case roomIsFull
    case notRegistered
    case missingMessage
    case unexpectedCommand
    case unreadable(String)
    case queueIsFull
    /// The addressee is not in the room.
    case invalidClient

    /// The text that goes to the client.
    var text: String {
        switch self {
        case .duplicateRegisterRequest: "Duplicated register request"
        case .missingIdentifier: "Invalid register request: missing 'clientid' or 'roomid'"
        case .duplicateRegistration: "Duplicated registration"
        case .roomIsFull: "Max room capacity reached"
        case .notRegistered: "Client not registered"
        case .missingMessage: "Invalid send request: missing 'msg'"
        case .unexpectedCommand: "Invalid message: unexpected 'cmd'"
        case .unreadable(let detail): "websocket.JSON.Receive error: \(detail)"
        case .queueIsFull: "Too many messages queued for the client"
        case .invalidClient: "Invalid client"
        }
    }

    /// Whether the connection stays open after it.
    var isForgiven: Bool { self == .unexpectedCommand }
}
