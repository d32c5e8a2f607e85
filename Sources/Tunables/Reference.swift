/// What is made from the attribute table for people: the reference and the files of the default tree.

/// The attribute reference as text, as Markdown, and as the tree of defaults.
public enum Reference {
    /// The reference for a terminal.
    public static var text: String {
        var lines: [String] = []
        for attribute in AttributeTable.all {
            lines.append(attribute.path)
            lines.append("    " + attribute.help)
            lines.append("    Allowed: \(attribute.allowed).")
            lines.append("    Default: \(shownDefault(attribute)) (\(attribute.effect.rawValue))")
            lines.append("")
        }
        return lines.joined(separator: "\n")
    }

    /// The reference as a Markdown table.
    public static var markdown: String {
        var lines = ["| attribute | default | allowed | what it is for |", "|---|---|---|---|"]
        for attribute in AttributeTable.all {
            let isLong = attribute.isList && attribute.defaultValue.count > 60
            let file = "see `tuning/defaults/\(attribute.path)`"
            let value = isLong ? file : shownDefault(attribute)
            lines.append(
                "| `\(attribute.path)` | \(value) | \(attribute.allowed) | \(attribute.help) |"
            )
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The files of the default tree: paths below its directory, with their contents.
    public static var defaultTree: [(path: String, contents: String)] {
        var files = [(path: "README", contents: treeNotice)]
        for attribute in AttributeTable.all {
            let path = attribute.isFamily ? attribute.prefix + "README" : attribute.path
            files.append((path, comment(attribute) + fileValue(attribute)))
        }
        return files
    }

    private static let treeNotice = """
        The attributes of turnpike, one value a file, as they are by default.

        Copy what you want to change to a directory of your own and start with --config DIRECTORY,
        or use --set path=value. Lines that begin with # are comments.

        These files are written by: turnpike attributes --write tuning/defaults

        """

    private static func comment(_ attribute: Attribute) -> String {
        var lines = [attribute.help, "Allowed: \(attribute.allowed)."]
        if !attribute.unit.isEmpty { lines.append("Unit: \(attribute.unit).") }
        lines.append("Counts \(attribute.effect.rawValue).")
        if attribute.isFamily { lines.append("One file for each NAME; keep them at mode 600.") }
        return lines.map { "# \($0)\n" }.joined()
    }

    private static func fileValue(_ attribute: Attribute) -> String {
        if attribute.defaultValue.isEmpty { return "" }
        if !attribute.isList { return attribute.defaultValue + "\n" }
        return words(attribute.defaultValue).map { "\($0)\n" }.joined()
    }

    private static func shownDefault(_ attribute: Attribute) -> String {
        if attribute.isFamily { return "none" }
        let value = attribute.defaultValue.isEmpty ? "empty" : attribute.defaultValue
        return attribute.unit.isEmpty ? value : "\(value) \(attribute.unit)"
    }
}
