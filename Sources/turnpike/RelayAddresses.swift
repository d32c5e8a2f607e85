/// The addresses relayed sockets are bound to, and those that clients are told.

import Glibc
import STUN
import Tunables

/// At most one address of each family, from the tree or found.
struct RelayAddresses {
    private(set) var ipv4: IPAddress?
    private(set) var ipv6: IPAddress?
    private(set) var externalIPv4: IPAddress?
    private(set) var externalIPv6: IPAddress?
    /// True when the machine has no way out, and only its own programs can be peers.
    private(set) var isLoopbackForWantOfRoute = false

    /// Takes the addresses of the tree, or finds those that lead to the Internet.
    ///
    /// - Parameter relay: What the tree says.
    /// - Throws: Which address cannot be relayed on.
    init(_ relay: Settings.Relay) throws(StartProblem) {
        for address in relay.address.compactMap({ IPAddress($0) }) { set(address) }
        if relay.address.isEmpty { find() }
        for address in relay.externalAddress.compactMap({ IPAddress($0) }) {
            try setExternal(address)
        }
        for address in bound { try check(address) }
    }

    /// The bound addresses, IPv4 first.
    var bound: [IPAddress] { [ipv4, ipv6].compactMap { $0 } }

    /// The addresses that clients are told, IPv4 first.
    var advertised: [IPAddress] { [externalIPv4 ?? ipv4, externalIPv6 ?? ipv6].compactMap { $0 } }

    /// The address to show first.
    var preferred: IPAddress { advertised.first ?? IPAddress(ipv4: 0x7F00_0001) }

    private mutating func set(_ address: IPAddress) {
        switch address.family {
        case .ipv4: ipv4 = address
        case .ipv6: ipv6 = address
        }
    }

    private mutating func find() {
        ipv4 = NetworkInterfaces.addressTowardsInternet(.ipv4)
        ipv6 = NetworkInterfaces.addressTowardsInternet(.ipv6)
        if bound.isEmpty {
            ipv4 = IPAddress(ipv4: 0x7F00_0001)
            isLoopbackForWantOfRoute = true
        }
    }

    private mutating func setExternal(_ address: IPAddress) throws(StartProblem) {
        switch address.family {
        case .ipv4 where ipv4 != nil: externalIPv4 = address
        case .ipv6 where ipv6 != nil: externalIPv6 = address
        case .ipv4, .ipv6:
            throw StartProblem("relay/external_address: \(address) has no relay/address beside it")
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
