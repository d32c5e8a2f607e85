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
        let fields: Fields
        do {
            fields = try JSONDecoder().decode(Fields.self, from: Data(text.utf8))
        } catch {
            throw .unreadable("not a JSON object with strings")
        }
        switch fields["cmd"] {
        case "register":
            self = .register(room: fields["roomid"], client: fields["clientid"])
        case "send":
            let addressee = fields["to"]
            self = .send(fields["msg"], addressee: addressee.isEmpty ? nil : addressee)
        default: throw .unexpectedCommand
        }
    }

    private struct Fields: Decodable {
        private static let known: Set = ["cmd", "roomid", "clientid", "msg", "to"]

        private struct Key: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        private var values: [String: String] = [:]

        /// The field, empty when it is absent.
        subscript(name: String) -> String { values[name] ?? "" }

        init(from decoder: any Decoder) throws {
            if try decoder.singleValueContainer().decodeNil() { return }
            let container = try decoder.container(keyedBy: Key.self)
            for key in container.allKeys {
                let name = key.stringValue.lowercased()
                // Of spellings of one name, the plain one counts.
                guard Self.known.contains(name), values[name] == nil || key.stringValue == name
                else { continue }
                values[name] = try container.decode(String?.self, forKey: key)
            }
        }
    }
}
