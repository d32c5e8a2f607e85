/// JSON whose shape is only known while it is made.

/// A JSON value.
indirect enum JSONValue: Encodable, Equatable, ExpressibleByStringLiteral {
    case null
    case bool(Bool)
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

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let values): try container.encode(values)
        case .object(let members): try container.encode(members)
        }
    }
}
