/// The traffic of one run, checked.

import ArgumentParser

struct TrafficOptions: ParsableArguments {
    @Option(help: "Whom to talk to: \(Target.allCases.map(\.rawValue).joined(separator: ", ")).")
    var target = Target.turn

    @Option(help: "What the clients come over: udp, tcp or tls; their peers stay with UDP.")
    var transport = Transport.udp

    @Option(help: "Clients, each with a peer.")
    var flows = 16

    @Option(help: "Bytes of each payload.")
    var size = 1000

    @Option(help: "both, up (clients to peers) or down.")
    var direction = TrafficDirection.both

    @Option(
        help: "single, burst:N (N datagrams of a flow in a row) or train:N (one segmented send)."
    )
    var pattern = Pattern.single

    @Option(help: "Datagrams a second over all flows; 0: as fast as the server takes them.")
    var rate = 0.0

    @Option(
        help:
            "Units (datagrams, bursts, trains) in flight for each flow and direction when rate is 0."
    )
    var window = 2

    @Option(help: "Measured seconds.")
    var seconds = 3.0

    @Option(help: "Seconds before the measurement.")
    var warmup = 0.5

    @Flag(help: "Clients use Send indications instead of channels.")
    var sendIndications = false

    @Flag(
        help:
            "Latency ends with the kernel's stamp on arrival, not with the generator's look; UDP only."
    )
    var kernelStamps = false

    @Option(help: "New TLS handshakes a second beside the traffic, in the same thread.")
    var stormRate = 0.0

    @Option(help: "Port that they go to.")
    var stormPort: UInt16 = 0

    @Option(help: "Port of the clients; the bare forwarder must know it.")
    var clientPort: UInt16 = 0

    @Option(help: "Port of the peers; the bare forwarder must know it.")
    var peerPort: UInt16 = 0

    mutating func validate() throws {
        let framed = size + Outbox.prefixLimit + 3
        guard (PayloadHeader.count...PayloadTable.limit).contains(size) else {
            throw ValidationError("--size is from \(PayloadHeader.count) to \(PayloadTable.limit)")
        }
        guard (1...ChannelNumbers.count).contains(flows) else {
            throw ValidationError("--flows is from 1 to \(ChannelNumbers.count)")
        }
        guard !pattern.isSegmented || framed * pattern.count <= PayloadTable.limit else {
            throw ValidationError("a train is at most \(PayloadTable.limit) bytes")
        }
        guard !kernelStamps || transport == .udp else {
            throw ValidationError("--kernel-stamps: streams have none")
        }
        guard window >= 1, rate >= 0, seconds > 0, warmup >= 0 else {
            throw ValidationError("--window, --rate, --seconds and --warmup are not negative")
        }
    }
}

/// The channels that a client may bind (RFC 8656 12).
enum ChannelNumbers {
    static let first = 0x4000
    static let count = 0x1000
}
