/// How the counters of relay threads are called in metrics.

import Exchange

/// A metric made of one counter, or of several that a label tells apart.
struct RelayMetric {
    /// The whole name.
    let name: String
    /// What it counts.
    let help: String
    /// Its counters, and of each what tells it apart, such as `direction` and `from_clients`.
    private(set) var members: [(counter: RelayCounter, label: PrometheusText.Label?)] = []

    private static let families: [(name: String, label: String, help: String)] = [
        ("datagrams", "direction", "Datagrams received from and sent to clients and peers."),
        ("bytes", "direction", "Bytes of these datagrams, without UDP and IP headers."),
        ("drops", "reason", "Datagrams dropped, by reason."),
    ]

    /// All metrics, made once: names of cases cost their time.
    static let all: [RelayMetric] = {
        let prefix = "turnpike_relay_"
        var all = families.map { RelayMetric(name: prefix + $0.name + "_total", help: $0.help) }
        for counter in RelayCounter.allCases {
            let name = counter.name
            if let index = families.firstIndex(where: { name.hasPrefix($0.name + "_") }) {
                let value = String(name.dropFirst(families[index].name.count + 1))
                all[index].members.append((counter, (families[index].label, value)))
            } else {
                let name = prefix + name + (counter.isGauge ? "" : "_total")
                all.append(RelayMetric(name: name, help: counter.help, members: [(counter, nil)]))
            }
        }
        return all
    }()
}
