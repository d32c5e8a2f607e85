/// What is said over a client's WebSocket: one JSON object a message, either way.

import FoundationEssentials

/// A client's message.
enum SignallingCommand: Equatable {
    case register(room: String, client: String)
    /// `addressee` is our extension, for rooms of more than two: `"to"` names the one who is to get the message.
    case send(String, addressee: String?)

    /// Reads one message.
    ///
    /// As Collider does: unknown fields are ignored, fields match whatever their case, a field that is absent or null
    /// is empty. Nothing is carried over from one message to the next.
    ///
    /// - Parameter text: The message; iOS sends it pretty-printed.
    /// - Throws: What the client is to be told.
    init(_ text: String) throws(SignallingError) {
        let object: [String: JSONValue]?
        do {
            object = try JSONDecoder().decode([String: JSONValue]?.self, from: Data(text.utf8))
        } catch { throw .unreadable }
        var fields: [String: String] = [:]
        // Of spellings of one name the plain one comes last, and counts.
        for (key, field) in (object ?? [:]).sorted(by: { $0.key < $1.key }) where field != .null {
            let name = key.lowercased()
            guard ["cmd", "roomid", "clientid", "msg", "to"].contains(name) else { continue }
            guard case .string(let text) = field else { throw .unreadable }
            fields[name] = text
        }
        switch fields["cmd"] {
        case "register":
            self = .register(room: fields["roomid"] ?? "", client: fields["clientid"] ?? "")
        case "send": self = .send(fields["msg"] ?? "", addressee: fields["to"])
        default: throw .unexpectedCommand
        }
    }
}

/// Why signalling refuses something, in the words of Collider; clients and tests compare the text.
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

/// A frame to a client: always one JSON object with `msg` and `error`, in this order, and a newline.
enum SignallingFrame {
    /// A message of another client; `sender` is named in rooms of more than two (our extension) and nil in others.
    static func message(_ text: String, from sender: String? = nil) -> String {
        let origin = sender.map { #","from":"# + jsonText($0) } ?? ""
        return #"{"msg":"# + quoted(text) + #","error":"""# + origin + "}\n"
    }

    /// Why something was refused.
    static func error(_ error: SignallingError) -> String {
        #"{"msg":"","error":"# + jsonText(error.rawValue) + "}\n"
    }

    /// A JSON string with `<`, `>`, `&` and the line separators escaped, as Go does and clients have always seen it.
    private static func quoted(_ text: String) -> String {
        let json = jsonText(text)
        let isPlain = json.utf8.allSatisfy { $0 != 0x3C && $0 != 0x3E && $0 != 0x26 && $0 != 0xE2 }
        if isPlain { return json }
        return json.unicodeScalars.reduce(into: "") { result, scalar in
            switch scalar {
            case "<", ">", "&": result += "\\u00" + String(scalar.value, radix: 16)
            case "\u{2028}", "\u{2029}": result += "\\u" + String(scalar.value, radix: 16)
            default: result.unicodeScalars.append(scalar)
            }
        }
    }
}
