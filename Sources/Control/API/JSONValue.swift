/// JSON whose shape is only known while it is made or read.

/// A JSON value.
indirect enum JSONValue: Codable, Equatable, ExpressibleByStringLiteral {
    case null
    case bool(Bool)
    case number(Int)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    init(stringLiteral value: String) { self = .string(value) }

    /// `"true"` or `"false"`: AppRTC's clients compare strings.
    static func word(_ value: Bool) -> JSONValue { .string(value ? "true" : "false") }

    /// Strings, in order.
    static func strings(_ values: [String]) -> JSONValue { .array(values.map(JSONValue.string)) }

    /// The value as JSON text.
    var text: String { jsonText(self) }

    /// Reads one value; whatever is deeper, and fractions, nobody asks for: such a value is an empty object.
    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let text = try? container.decode(String.self) {
            self = .string(text)
        } else if let number = try? container.decode(Int.self) {
            self = .number(number)
        } else {
            self = container.decodeNil() ? .null : .object([:])
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let values): try container.encode(values)
        case .object(let members): try container.encode(members)
        }
    }
}
