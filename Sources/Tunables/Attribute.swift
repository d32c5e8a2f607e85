/// One attribute of the tree: everything there is to know about it, said once.

/// An attribute, or a family of attributes whose last path component is a name the operator chooses.
public struct Attribute: Sendable {
    /// When a new value counts.
    public enum Effect: String, Sendable {
        /// The server must be started again.
        case atStart = "at start"
        /// While the server runs.
        case live
    }

    /// Where it is in the tree, such as `threads/count`; a family ends in `/NAME`.
    public let path: String
    /// What values are allowed, in words.
    public let allowed: String
    /// The value when nobody says otherwise, as it stands in a file.
    public let defaultValue: String
    /// What a number counts; empty when the value is no number.
    public let unit: String
    /// What it is for, in one line.
    public let help: String
    /// When a new value counts.
    public let effect: Effect
    /// True when the value must never be shown.
    public let isSecret: Bool
    /// True when the default stands one element a line in its file.
    public let isList: Bool
    /// Puts the value of this text into the settings; false when the text is not allowed.
    let assign: @Sendable (_ settings: inout Settings, _ name: String, _ text: String) -> Bool

    /// True when the last component of the path is a name of the operator's.
    public var isFamily: Bool { path.hasSuffix("/NAME") }

    /// The path without the `NAME` of a family, ending in a slash; the path itself otherwise.
    var prefix: String { isFamily ? String(path.dropLast(4)) : path }

    /// Declares an attribute.
    init<Value>(
        _ path: String,
        _ type: ValueType<Value>,
        _ place: any WritableKeyPath<Settings, Value> & Sendable,
        default defaultValue: String,
        unit: String = "",
        isList: Bool = false,
        isSecret: Bool = false,
        help: String
    ) {
        self.path = path
        self.allowed = type.allowed
        self.defaultValue = defaultValue
        self.unit = unit
        self.help = help
        self.effect = .atStart
        self.isSecret = isSecret
        self.isList = isList
        self.assign = { settings, _, text in
            guard let value = type.parse(text) else { return false }
            settings[keyPath: place] = value
            return true
        }
    }

    /// Declares a family of secrets; an empty value takes a name away.
    init(
        family path: String,
        _ type: ValueType<String>,
        _ place: any WritableKeyPath<Settings, [NamedSecret]> & Sendable,
        help: String
    ) {
        self.path = path
        self.allowed = type.allowed + "; empty: none"
        self.defaultValue = ""
        self.unit = ""
        self.help = help
        self.effect = .atStart
        self.isSecret = true
        self.isList = false
        self.assign = { settings, name, text in
            guard let value = text.isEmpty ? "" : type.parse(text) else { return false }
            settings[keyPath: place].removeAll { $0.name == name }
            if !value.isEmpty {
                settings[keyPath: place].append(NamedSecret(name: name, value: value))
            }
            return true
        }
    }

    /// The operator's name when `path` belongs to this attribute; empty for the attribute itself.
    func name(in path: String) -> String? {
        if !isFamily { return path == self.path ? "" : nil }
        guard path.hasPrefix(prefix) else { return nil }
        let name = path.dropFirst(prefix.count)
        let isName = !name.isEmpty && name.utf8.count <= 255 && !name.contains("/")
        return isName ? String(name) : nil
    }
}
