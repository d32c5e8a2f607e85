/// Where relayed sockets are opened.

internal import IOURing
internal import STUN
internal import TURN

/// What a relayed socket is bound to and how.
struct RelaySocketConfiguration: Sendable {
    /// Our relay addresses of each family; the first of each is looked at first.
    let ipv4: RelayAddressList, ipv6: RelayAddressList
    let firstIPv4: IPAddress?, firstIPv6: IPAddress?
    /// Buffers and offloads of the socket.
    var options: DatagramSocketOptions
    /// Buffers of the connections with peers.
    var streamOptions = StreamSocketOptions()

    /// For a connection that leaves from a relayed address, on which another socket listens.
    var outgoingOptions: StreamSocketOptions {
        var options = streamOptions
        options.sharesPort = true
        return options
    }

    /// How many relay addresses there are of one family.
    func addressCount(_ family: AddressFamily) -> Int {
        switch family {
        case .ipv4: ipv4.count
        case .ipv6: ipv6.count
        }
    }

    /// The number of one of our relay addresses.
    func number(of ip: IPAddress) -> UInt8? {
        if ip == firstIPv4 || ip == firstIPv6 { return 0 }
        return otherNumber(of: ip)
    }

    // Out of line: it works on a copy of the list.
    @inline(never)
    private func otherNumber(of ip: IPAddress) -> UInt8? {
        let number = ip.family == .ipv4 ? ipv4.number(bound: ip) : ipv6.number(bound: ip)
        return number.map { UInt8(truncatingIfNeeded: $0) }
    }

    /// Our relay address of one family with a number.
    func address(_ family: AddressFamily, _ number: UInt8) -> IPAddress? {
        guard Int(number) < addressCount(family) else { return nil }
        return switch family {
        case .ipv4: ipv4[Int(number)].bound
        case .ipv6: ipv6[Int(number)].bound
        }
    }
}
