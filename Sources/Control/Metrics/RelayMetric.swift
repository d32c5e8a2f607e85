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

extension RelayCounter {
    /// What a counter outside the families counts.
    fileprivate var help: String {
        switch self {
        case .passes: "Passes of the relay loop; at least two a second."
        case .completions: "Completions of the kernel that were handled."
        case .completionOverflow: "Completions that the kernel had no room for."
        case .sends: "Sends that the kernel took."
        case .segmentedSends: "Sends of several datagrams in one piece (UDP GSO)."
        case .segmentationRefused: "Segmented sends that the kernel refused."
        case .coalescedReceives: "Receives of several datagrams in one piece (UDP GRO)."
        case .receiveRearmed: "Receives that had to be armed again."
        case .receiveErrors: "Receives and sockets that failed."
        case .buffersExhausted: "Receives that ended because no buffer was free."
        case .icmpErrors: "ICMP errors about relayed datagrams."
        case .icmpIndications: "ICMP errors that clients were told of."
        case .sendsRepeated: "Sends made again after the error of an earlier datagram."
        case .relaysOpened: "Relayed sockets opened."
        case .relaysClosed: "Relayed sockets closed."
        case .relayOpenFailures: "Relayed sockets that could not be opened."
        case .allocations: "Allocations there are."
        case .permissions: "Permissions there are."
        case .channels: "Channels there are."
        case .answersSuccess: "Success responses, to Binding requests too."
        case .answersError: "Error responses."
        case .allocationsMoved: "Allocations taken to another address by their clients."
        case .quotaRefused: "Allocations refused because of a quota."
        case .connections: "Connections of clients there are."
        case .connectionsAccepted: "Connections of clients accepted."
        case .connectionsRefused: "Connections of clients refused because of a limit."
        case .connectionsTimedOut: "Connections of clients ended because nothing came in time."
        case .connectionsEvicted: "Connections of clients ended to make room for others."
        case .connectionsBroken: "Connections of clients ended by an error."
        case .connectionsShared: "Connections of clients joined to one with the control plane."
        case .sharesRefused: "Connections of clients that the control plane did not take."
        case .handshakes: "TLS and DTLS sessions made."
        case .handshakesDelayed: "Steps of handshakes that waited for a later pass."
        case .tlsFailures: "TLS and DTLS sessions that failed."
        case .peerConnections: "Connections with peers of TCP allocations there are."
        case .peerConnectionsBound: "Connections with peers that a client took."
        case .peerConnectionsExpired: "Connections with peers that no client took in time."
        case .dtlsHellos: "Hellos of DTLS strangers that were asked for a cookie."
        case .peerConnectionsRefused: "Connections with peers that found no place or no permission."
        case .connectionsHandedOver: "Data connections that went to another relay thread."
        case .handoversRefused: "Data connections that found the other thread's mailbox full."
        default: "Counts \(name)."
        }
    }
}
