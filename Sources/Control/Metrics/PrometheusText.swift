/// The text format of Prometheus, version 0.0.4.

/// Metrics as they are written, one after the other.
struct PrometheusText {
    /// The kinds of metrics we have.
    enum Kind: String { case counter, gauge }

    /// A value with its labels.
    typealias Sample = (labels: [(name: String, value: String)], value: Double)

    /// What was written so far.
    private(set) var text = ""

    /// Writes a metric with all its samples; none without a sample.
    ///
    /// - Parameters:
    ///   - name: The whole name; a counter's ends in `_total`.
    ///   - kind: What it is.
    ///   - help: What it counts, in one line.
    ///   - samples: Its values.
    mutating func write(_ name: String, _ kind: Kind, _ help: String, _ samples: [Sample]) {
        if samples.isEmpty { return }
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
        for sample in samples {
            text += "\(name)\(Self.braced(sample.labels)) \(Self.number(sample.value))\n"
        }
    }

    /// Writes a metric of one value without labels.
    mutating func write(_ name: String, _ kind: Kind, _ help: String, value: Double) {
        write(name, kind, help, [([], value)])
    }

    private static func braced(_ labels: [(name: String, value: String)]) -> String {
        if labels.isEmpty { return "" }
        let pairs = labels.map { "\($0.name)=\"\(escaped($0.value))\"" }
        return "{\(pairs.joined(separator: ","))}"
    }

    private static func escaped(_ value: String) -> String {
        let escapes: [Character: String] = ["\\": #"\\"#, "\"": #"\""#, "\n": #"\n"#]
        return value.reduce(into: "") { $0 += escapes[$1] ?? String($1) }
    }

    /// Whole numbers without a fraction: a counter of datagrams has all its digits.
    private static func number(_ value: Double) -> String {
        let whole = Int64(exactly: value)
        return whole.map { "\($0)" } ?? "\(value)"
    }
}
