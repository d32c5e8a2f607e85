/// What clients say over their WebSocket: one JSON object a message.

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
        let object: [String: Field]?
        do {
            object = try JSONDecoder().decode([String: Field]?.self, from: Data(text.utf8))
        } catch {
            throw .unreadable
        }
        let fields = try Self.known(of: object ?? [:])
        switch fields["cmd"] {
        case "register":
            self = .register(room: fields["roomid"] ?? "", client: fields["clientid"] ?? "")
        case "send": self = .send(fields["msg"] ?? "", addressee: fields["to"])
        default: throw .unexpectedCommand
        }
    }

    private enum Field: Decodable {
        case string(String)
        case null
        case other

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                self = .null
            } else {
                self = (try? container.decode(String.self)).map(Field.string) ?? .other
            }
        }
    }

    private static func known(
        of object: [String: Field]
    ) throws(SignallingError) -> [String: String] {
        var fields: [String: String] = [:]
        for (key, field) in object {
            let name = key.lowercased()
            guard ["cmd", "roomid", "clientid", "msg", "to"].contains(name) else { continue }
            // Of spellings of one name, the plain one counts.
            if key != name, fields[name] != nil { continue }
            switch field {
            case .string(let text): fields[name] = text
            case .null: continue
            case .other: throw .unreadable
            }
        }
        return fields
    }
}
