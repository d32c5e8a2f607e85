/// One flat JSON object on one line, its keys in the order they were given.

struct JSONLine: CustomStringConvertible {
    private var members: [String] = []

    mutating func add(_ name: String, _ value: String) {
        members.append("\"\(name)\": \"\(value)\"")
    }

    mutating func add(_ name: String, _ value: some BinaryInteger) {
        members.append("\"\(name)\": \(value)")
    }

    mutating func add(_ name: String, _ value: Double) {
        let rounded = (value * 1000).rounded() / 1000
        members.append("\"\(name)\": \(rounded.isFinite ? rounded : 0)")
    }

    var description: String { "{" + members.joined(separator: ", ") + "}" }
}
