/// How settings come about: defaults, then the operator's tree, then the command line.

extension Settings {
    /// The settings of the attribute table's defaults.
    public static let defaults = {
        var settings = Settings()
        for attribute in AttributeTable.all where !attribute.isFamily {
            let isAllowed = attribute.assign(&settings, "", attribute.defaultValue)
            precondition(isAllowed, "the default of \(attribute.path) is not allowed")
        }
        return settings
    }()

    /// Reads the settings.
    ///
    /// - Parameters:
    ///   - directory: An attribute tree that overrides the defaults file by file.
    ///   - overrides: `path=value` each; they override the tree, the last one wins.
    /// - Returns: The settings, and what the operator should be told, a line each.
    /// - Throws: The first path or value that is not allowed.
    public static func load(
        directory: String?,
        overrides: [String]
    ) throws(Refusal) -> (settings: Settings, warnings: [String]) {
        var settings = defaults
        var warnings: [String] = []
        if let directory {
            for file in try TreeFile.all(in: directory) {
                let attribute = try settings.assign(file.path, file.value)
                if attribute.isSecret && file.isReadableByOthers && !file.value.isEmpty {
                    warnings.append("\(directory)/\(file.path): others can read this; chmod 600 it")
                }
            }
        }
        for override in overrides {
            guard let equals = override.firstIndex(of: "=") else {
                throw Refusal("--set needs path=value, such as --set threads/count=2")
            }
            let value = trimmed(override[override.index(after: equals)...])
            _ = try settings.assign(trimmed(override[..<equals]), value)
        }
        return (settings, warnings)
    }

    private mutating func assign(_ path: String, _ value: String) throws(Refusal) -> Attribute {
        for attribute in AttributeTable.all {
            guard let name = attribute.name(in: path) else { continue }
            if attribute.assign(&self, name, value) { return attribute }
            throw Refusal(path, value: value, attribute: attribute)
        }
        throw Refusal(unknown: path)
    }
}
