/// The last events of a run, kept only when somebody is going to read them.
struct Trace {
    let isOn: Bool
    private static let limit = 60
    private(set) var lines: [String] = []

    init(isOn: Bool) { self.isOn = isOn }

    mutating func add(_ line: @autoclosure () -> String, at time: Nanoseconds) {
        guard isOn else { return }
        if lines.count >= Self.limit { lines.removeFirst() }
        let micros = time / 1000
        lines.append(
            "\(micros / 1_000_000).\(String(micros % 1_000_000 + 1_000_000).dropFirst()) s  \(line())"
        )
    }
}
