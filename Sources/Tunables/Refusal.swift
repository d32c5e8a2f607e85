/// Why the attribute tree was refused, in one line for the operator.

/// A tree or value that is not allowed; `description` never shows a secret's value.
public struct Refusal: Error, Equatable, CustomStringConvertible {
    /// Which attribute or file it is, and what is allowed.
    public let description: String

    /// A refusal with a text of its own.
    init(_ description: String) {
        self.description = description
    }

    /// A value that the attribute does not allow.
    init(_ path: String, value: String, attribute: Attribute) {
        let shown = attribute.isSecret ? "the value" : "\"\(shortened(value))\""
        description = "\(path): \(shown) is not allowed; allowed: \(attribute.allowed)"
    }

    /// A path that is no attribute's.
    init(unknown path: String) {
        let nearest = nearestPath(to: path)
        description = "\(shortened(path)): no such attribute; did you mean \(nearest)?"
    }
}

private func shortened(_ text: String) -> String {
    let line = String(text.map { $0.isNewline ? " " : $0 })
    return line.count <= 80 ? line : line.prefix(77) + "..."
}

/// The known path that takes the fewest edits to get to.
private func nearestPath(to path: String) -> String {
    let wanted = Array(path.utf8.prefix(100))
    let distances = AttributeTable.all.map { attribute in
        attribute.isFamily && path.hasPrefix(attribute.prefix)
            ? 0 : editDistance(wanted, Array(attribute.path.utf8))
    }
    let nearest = distances.indices.min { distances[$0] < distances[$1] }
    return nearest.map { AttributeTable.all[$0].path } ?? ""
}

/// The Levenshtein distance.
private func editDistance(_ first: [UInt8], _ second: [UInt8]) -> Int {
    var row = Array(0...second.count)
    for (i, left) in first.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for (j, right) in second.enumerated() {
            let replaced = diagonal + (left == right ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(replaced, diagonal + 1, row[j] + 1)
        }
    }
    return row[second.count]
}
