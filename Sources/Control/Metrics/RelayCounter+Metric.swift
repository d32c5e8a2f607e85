/// How the counters of relay threads are called in metrics.

import Exchange

extension RelayCounter {
    /// A metric, and the label that tells counters of one metric apart.
    struct Metric {
        /// The name without `turnpike_relay_` and `_total`.
        var name: String
        /// What it counts.
        var help: String
        /// Such as `direction` and `from_clients`.
        var label: (name: String, value: String)?
    }

    /// What the counter is called.
    var metric: Metric {
        for (family, label, help) in Self.families where name.hasPrefix(family + "_") {
            let value = String(name.dropFirst(family.utf8.count + 1))
            return Metric(name: family, help: help, label: (label, value))
        }
        return Metric(name: name, help: help, label: nil)
    }

    private static let families = [
        ("datagrams", "direction", "Datagrams received from and sent to clients and peers."),
        ("bytes", "direction", "Bytes of these datagrams, without UDP and IP headers."),
        ("drops", "reason", "Datagrams dropped, by reason."),
    ]

    /// What a counter outside the families counts.
    private var help: String {
        switch self {
        case .passes: "Passes of the relay loop; at least two a second."
        case .completions: "Completions of the kernel that were handled."
        case .completionOverflow: "Completions that the kernel had no room for."
        case .sends: "Sends that the kernel took."
        case .segmentedSends: "Sends of several datagrams in one piece (UDP GSO)."
        case .segmentationRefused:
            "Segmented sends that the kernel refused and that went one by one."
        case .coalescedReceives: "Receives of several datagrams in one piece (UDP GRO)."
        case .receiveRearmed: "Receives that had to be armed again."
        case .receiveErrors: "Receives and sockets that failed."
        case .buffersExhausted: "Receives that ended because no buffer was free."
        case .relaysOpened: "Relayed sockets opened."
        case .relaysClosed: "Relayed sockets closed."
        case .relayOpenFailures: "Relayed sockets that could not be opened."
        case .allocations: "Allocations there are."
        case .permissions: "Permissions there are."
        case .channels: "Channels there are."
        case .answersSuccess: "Success responses, to Binding requests too."
        case .answersError: "Error responses."
        case .quotaRefused: "Allocations refused because of a quota."
        default: "Counts \(name)."
        }
    }
}
