/// How the counters of relay threads are called in metrics.

import Exchange

/// A metric made of one counter, or of several that a label tells apart.
struct RelayMetric {
    /// The whole name.
    let name: String
    /// What it counts.
    let help: String
    let isGauge: Bool
    /// Its counters, and of each what tells it apart, such as `direction` and `from_clients`.
    let members: [(counter: RelayCounter, label: (name: String, value: String)?)]

    /// All metrics, made once: names of cases cost their time.
    static let all: [RelayMetric] = {
        let counters = RelayCounter.allCases.map { (counter: $0, name: $0.name) }
        let inFamilies = families.map { family, label, help in
            let members = counters.filter { $0.name.hasPrefix(family + "_") }.map {
                (counter: $0.counter, label: (label, String($0.name.dropFirst(family.count + 1))))
            }
            return RelayMetric(family, help, members)
        }
        let others = counters.filter { counter in
            !families.contains { counter.name.hasPrefix($0.name + "_") }
        }
        return inFamilies
            + others.map { RelayMetric($0.name, $0.counter.help, [($0.counter, nil)]) }
    }()

    private static let families: [(name: String, label: String, help: String)] = [
        ("datagrams", "direction", "Datagrams received from and sent to clients and peers."),
        ("bytes", "direction", "Bytes of these datagrams, without UDP and IP headers."),
        ("drops", "reason", "Datagrams dropped, by reason."),
    ]

    private init(
        _ name: String,
        _ help: String,
        _ members: [(counter: RelayCounter, label: (name: String, value: String)?)]
    ) {
        isGauge = members.contains { $0.counter.isGauge }
        self.name = "turnpike_relay_\(name)" + (isGauge ? "" : "_total")
        self.help = help
        self.members = members
    }
}
