/// The addresses relayed sockets are bound to, and those that clients are told.

import Glibc
import STUN
import TURN
import Tunables

/// Up to eight addresses of each family, from the tree, or one of each that was found.
struct RelayAddresses {
    private(set) var ipv4: [RelayAddress] = []
    private(set) var ipv6: [RelayAddress] = []
    /// True when the machine has no way out, and only its own programs can be peers.
    private(set) var isLoopbackForWantOfRoute = false

    /// Takes the addresses of the tree, or finds those that lead to the Internet.
    ///
    /// - Parameter relay: What the tree says.
    /// - Throws: Which address cannot be relayed on.
    init(_ relay: Settings.Relay) throws(StartProblem) {
        for address in relay.address.compactMap({ IPAddress($0) }) { add(address) }
        if relay.address.isEmpty { find() }
        for mapping in relay.externalAddress { try setExternal(mapping) }
        for address in bound { try check(address) }
        let seen = Set(advertised)
        guard seen.count == advertised.count, seen.isDisjoint(with: hidden) else {
            throw StartProblem(
                "relay/external_address: one address stands for two of relay/address"
            )
        }
    }

    private var all: [RelayAddress] { ipv4 + ipv6 }

    /// The bound addresses, IPv4 first.
    var bound: [IPAddress] { all.map(\.bound) }

    /// The addresses that clients are told, IPv4 first.
    var advertised: [IPAddress] { all.map(\.external) }

    /// Those that they are not told.
    private var hidden: [IPAddress] { all.filter { $0.bound != $0.external }.map(\.bound) }

    /// The address to show first.
    var preferred: IPAddress { advertised.first ?? IPAddress(ipv4: 0x7F00_0001) }

    private mutating func add(_ address: IPAddress) {
        switch address.family {
        case .ipv4: ipv4.append(RelayAddress(address))
        case .ipv6: ipv6.append(RelayAddress(address))
        }
    }

    private mutating func find() {
        for family in AddressFamily.both {
            if let address = NetworkInterfaces.addressTowardsInternet(family) { add(address) }
        }
        if bound.isEmpty {
            add(IPAddress(ipv4: 0x7F00_0001))
            isLoopbackForWantOfRoute = true
        }
    }

    /// `PUBLIC/PRIVATE`, or the public one alone where it can stand for one address only.
    private mutating func setExternal(_ mapping: String) throws(StartProblem) {
        let parts = mapping.split(separator: "/").map { IPAddress($0) }
        guard let external = parts.first ?? nil else { return }
        let ofFamily = external.family == .ipv4 ? ipv4 : ipv6
        let number: Int?
        if parts.count == 2 {
            number = ofFamily.firstIndex { $0.bound == parts[1] }
        } else if ofFamily.count > 1 {
            throw StartProblem(
                "relay/external_address: \(mapping) stands for which address? Name it as \(mapping)/\(ofFamily[0].bound)"
            )
        } else {
            number = ofFamily.indices.first
        }
        guard let number else {
            throw StartProblem("relay/external_address: \(mapping) has no relay/address beside it")
        }
        switch external.family {
        case .ipv4: ipv4[number].external = external
        case .ipv6: ipv6[number].external = external
        }
    }

    private func check(_ address: IPAddress) throws(StartProblem) {
        if address.isWildcard {
            throw StartProblem("relay/address: \(address) is every address; name one")
        }
        let anyPort = TransportAddress(ip: address, port: 0)
        let number = try ProbeSocket(address.family).bind(to: anyPort)
        if number == EADDRNOTAVAIL {
            throw StartProblem(
                "relay/address: \(address) is not an address of this machine; "
                    + "the outside of a NAT goes into relay/external_address"
            )
        }
        if number != 0 { throw StartProblem("relay/address: \(address)", errno: number) }
    }
}
