/// What one run plays: the answers to "against what", "which traffic", "how fast".

import ArgumentParser

/// Whom the generator talks to.
enum Target: String, CaseIterable, ExpressibleByArgument {
    /// A TURN server: allocations with long-term credentials, then channels or Send indications.
    case turn
    /// The bare forwarder: fixed ports, payload unchanged.
    case bare
}

/// Which way the datagrams go, seen from the clients.
enum TrafficDirection: String, CaseIterable, ExpressibleByArgument {
    case both, up, down

    var lanes: [LaneDirection] {
        switch self {
        case .both: [.up, .down]
        case .up: [.up]
        case .down: [.down]
        }
    }
}

/// How the datagrams of a flow follow each other.
enum Pattern: ExpressibleByArgument, CustomStringConvertible {
    /// One by one, interleaved over the flows.
    case single
    /// Some in a row for one flow, as separate datagrams.
    case burst(Int)
    /// Some in a row for one flow, as one segmented (GSO) send.
    case train(Int)

    /// The most datagrams in one segmented send: the kernel's UDP_MAX_SEGMENTS of its oldest version.
    static let longest = 64

    init?(argument: String) {
        let words = argument.split(separator: ":", omittingEmptySubsequences: false)
        let count = words.count == 2 ? Int(words[1]) : nil
        switch (words[0], count) {
        case ("single", nil) where words.count == 1: self = .single
        case ("burst", .some(1...Pattern.longest)): self = .burst(count ?? 1)
        case ("train", .some(1...Pattern.longest)): self = .train(count ?? 1)
        case (_, _): return nil
        }
    }

    /// Datagrams of one flow that leave together.
    var count: Int {
        switch self {
        case .single: 1
        case .burst(let count), .train(let count): count
        }
    }

    var isSegmented: Bool {
        switch self {
        case .single, .burst: false
        case .train: true
        }
    }

    var description: String {
        switch self {
        case .single: "single"
        case .burst(let count): "burst:\(count)"
        case .train(let count): "train:\(count)"
        }
    }
}

/// What happens to the allocations of an allocation run in the end.
enum Ending: String, CaseIterable, ExpressibleByArgument {
    /// Refresh with lifetime 0.
    case delete
    /// Wait for the lifetime to pass and see that the server has forgotten them.
    case expire
    /// Leave them to the server.
    case leave
}

/// Where the server is and who we are to it.
struct ServerOptions: ParsableArguments {
    @Option(help: "Address of the server (IPv4 on loopback).")
    var address = "127.0.0.1"

    @Option(help: "Port of the server; of the bare forwarder its first port.")
    var port: UInt16

    @Option(help: "Process whose CPU time and memory are measured.")
    var serverPid: Int32?

    @Option(help: "CPU that the generator is pinned to.")
    var cpu = 1

    @Option(help: "Name for the long-term credentials.")
    var username = "load"

    @Option(help: "Password for the long-term credentials.")
    var password = "generator"
}
