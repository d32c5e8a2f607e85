/// The addresses the server listens on: those of the tree, wildcards replaced by the machine's addresses.

import Glibc
import STUN
import Tunables

/// Every address to listen on over one protocol, checked to be ours and free.
struct Listeners {
    /// More is a mistake: each address is a socket of each relay thread.
    private static let maximum = 256

    private(set) var addresses: [TransportAddress] = []
    private(set) var warnings: [String] = []
    private let kind: ProbeSocket.Kind

    /// Expands and checks the endpoints of some attributes of the tree.
    ///
    /// An answer must leave from the address that was asked. A socket for each address does that; one for all would
    /// leave the choice to the routing table.
    init(
        _ attributes: [(name: String, endpoints: [String])],
        kind: ProbeSocket.Kind,
        machine: [IPAddress] = NetworkInterfaces.addresses()
    ) throws {
        self.kind = kind
        for (name, endpoints) in attributes {
            for endpoint in endpoints.compactMap({ TransportAddress($0) }) {
                try add(endpoint, of: name, machine: machine)
            }
        }
        if addresses.count > Self.maximum {
            throw StartProblem(
                "\(attributes[0].name): this machine has \(addresses.count) addresses; name those to listen on"
            )
        }
    }

    private mutating func add(
        _ endpoint: TransportAddress,
        of attribute: String,
        machine: [IPAddress]
    ) throws {
        guard endpoint.ip.isWildcard else { return try add(endpoint, attribute, isNamed: true) }
        for ip in machine where ip.family == endpoint.ip.family {
            let address = TransportAddress(ip: ip, port: endpoint.port)
            try add(address, attribute, isNamed: false)
        }
    }

    private mutating func add(
        _ address: TransportAddress,
        _ attribute: String,
        isNamed: Bool
    ) throws {
        if addresses.contains(address) { return }
        switch try ProbeSocket(address.ip.family, kind: kind).bind(to: address) {
        case 0:
            addresses.append(address)
        case EADDRINUSE:
            throw StartProblem(
                "\(attribute): \(address) is in use by another program; see: ss -\(kind == .stream ? "t" : "u")lpn sport = \(address.port)"
            )
        case EADDRNOTAVAIL where !isNamed:
            warnings.append("cannot listen on \(address): the address is not ready")
        case EADDRNOTAVAIL:
            throw StartProblem("\(attribute): \(address) is not an address of this machine")
        case EACCES:
            throw StartProblem(
                "\(attribute): \(address): ports below 1024 need root or CAP_NET_BIND_SERVICE"
            )
        case let number:
            throw StartProblem("\(attribute): \(address)", errno: number)
        }
    }
}
