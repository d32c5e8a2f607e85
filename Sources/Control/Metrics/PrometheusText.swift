/// The text format of Prometheus, version 0.0.4.

/// Metrics as they are written, one after the other.
struct PrometheusText {
    /// What tells the values of a metric apart.
    typealias Label = (name: String, value: String)

    /// What was written so far.
    private(set) var text = ""

    /// Writes a metric with all its samples; none without a sample.
    ///
    /// - Parameters:
    ///   - name: The whole name; one that ends in `_total` is a counter's, all others are gauges'.
    ///   - help: What it counts, in one line.
    ///   - samples: Its values.
    mutating func write(_ name: String, _ help: String, _ samples: [([Label], Double)]) {
        if samples.isEmpty { return }
        let kind = name.hasSuffix("_total") ? "counter" : "gauge"
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind)\n"
        for (labels, value) in samples {
            text += "\(name)\(Self.braced(labels)) \(Self.number(value))\n"
        }
    }

    /// Writes a metric of one value without labels.
    mutating func write(_ name: String, _ help: String, _ value: Double) {
        write(name, help, [([], value)])
    }

    private static func braced(_ labels: [Label]) -> String {
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
        Int64(exactly: value).map { "\($0)" } ?? "\(value)"
    }
}
