/// The server that a scenario describes.

import RelayLoop
import STUN
import TURN

extension Scenario {
    /// The listeners of every thread: two on IPv4, and one on IPv6 that also takes IPv4 clients.
    static let listeners: [Endpoint] = [
        Endpoint(address: serverIPv4, port: serverPort),
        Endpoint(address: serverIPv4, port: serverPort + 1),
        Endpoint(address: serverIPv6, port: serverPort),
    ]

    func configuration() -> ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.realm = Self.realm
        configuration.nonceKey = Array(repeating: 7, count: 32)
        configuration.nonceLifetimeSeconds = nonceLifetimeSeconds
        configuration.users = users.filter { $0.expirySeconds == nil }.compactMap {
            StaticUser(name: $0.name, password: $0.password)
        }
        configuration.secrets = [Array("another".utf8), secret]
        configuration.isAuthenticationRequired = isAuthenticationRequired
        configuration.relayIPv4 = Self.relayIPv4.asIPAddress
        configuration.relayIPv6 = hasIPv6Relay ? Self.relayIPv6.asIPAddress : nil
        configuration.externalIPv4 = hasExternalIPv4 ? Self.externalIPv4.asIPAddress : nil
        configuration.ports = ports
        configuration.allow =
            allowsPrivatePeers ? ["10.0.0.0/8"].compactMap { AddressPrefix($0) } : []
        configuration.rfc5766Channels = isRFC5766
        configuration.allowsMobility = allowsMobility
        configuration.alternates = alternates.compactMap { AlternateServer($0.asText) }
        configuration.allocationCapacity = allocationCapacity
        configuration.permissionsPerAllocation = permissionsPerAllocation
        configuration.channelsPerAllocation = channelsPerAllocation
        configuration.bandwidthPerAllocation = bandwidth
        configuration.unauthenticatedPerSecond = unauthenticatedPerSecond
        configuration.unauthenticatedTotalPerSecond = 0
        configuration.maximumLifetimeSeconds = maximumLifetimeSeconds
        configuration.permissionLifetimeSeconds = permissionLifetimeSeconds
        configuration.channelLifetimeSeconds = channelLifetimeSeconds
        return configuration
    }
}

extension Address {
    var asIPAddress: IPAddress {
        isIPv6
            ? IPAddress(ipv6High: high, low: low) : IPAddress(ipv4: UInt32(truncatingIfNeeded: low))
    }
}

extension Endpoint {
    /// As an attribute of the tree has it.
    fileprivate var asText: String {
        guard address.isIPv6 else { return "\(self)" }
        let groups = stride(from: 0, to: 16, by: 2).map {
            String(bigEndianNumber(address.bytes[$0..<$0 + 2]), radix: 16)
        }
        return "[\(groups.joined(separator: ":"))]:\(port)"
    }

    var asTransportAddress: TransportAddress {
        TransportAddress(ip: address.asIPAddress, port: port)
    }
}

extension Endpoint {
    init(_ address: TransportAddress) {
        let ip = address.ip
        switch ip.family {
        case .ipv4: self.address = Address(ipv4: UInt32(truncatingIfNeeded: ip.low))
        case .ipv6: self.address = Address(ipv6High: ip.high, low: ip.low)
        }
        port = address.port
    }
}
