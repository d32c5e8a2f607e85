/// What clients are told of ICMP errors: RFC 8656, 11.5 and 18.13.

/// An ICMP message about a datagram that left a relayed socket.
struct ICMPMessage: Hashable {
    let type: UInt8
    let code: UInt8
    let mtu: UInt32

    /// Destination unreachable, time exceeded, and packet too big where that is a type of its own.
    func isTold(ofIPv6 isIPv6: Bool) -> Bool {
        (isIPv6 ? [1, 2, 3] : [3, 11]).contains(type)
    }

    /// The value of the ICMP attribute: 16 bits of zeros, 7 of the type, 9 of the code, and the MTU where there is one.
    func value(ofIPv6 isIPv6: Bool) -> [UInt8] {
        let hasMTU = isIPv6 ? type == 2 : type == 3 && code == 4
        return [0, 0, type << 1, code] + bigEndian(hasMTU ? mtu : 0)
    }
}

extension ReferenceModel {
    /// As many indications as a client is told in so short a time that no ration can forbid it.
    private static let rationed = (count: 14, time: Nanoseconds.seconds(5))

    /// An ICMP message about a datagram to a peer.
    func examine(
        _ error: ICMPMessage,
        about place: Endpoint,
        on relay: RelayName
    ) throws(Violation) {
        let peer = canonical(place)
        let isIPv6 = peer.address.isIPv6
        guard error.isTold(ofIPv6: isIPv6),
            var allocation = relays[relay].flatMap({ allocations[$0] }),
            allocation.isPermitted(peer.address, at: now),
            allocation.relays.values.contains(where: { $0.name == relay && now < $0.expiry })
        else { return }
        var isTold = false
        for flow in allocation.flows {
            guard let head = outputs.head(flow), let message = WireMessage(head),
                message.method == WireMethod.data, message.messageClass == .indication,
                message.value(WireType.data) == nil, message.attributes.count == 2,
                message.xorAddress(WireType.xorPeerAddress) == peer,
                message.value(WireType.icmp) == error.value(ofIPv6: isIPv6)
            else { continue }
            outputs.removeHead(flow)
            isTold = true
        }
        allocation.told.removeAll { now - $0 > Self.rationed.time }
        if isTold {
            allocation.told.append(now)
            tally.errorsTold += 1
        } else if allocation.told.count < Self.rationed.count {
            throw Violation("the client of \(peer) was not told of \(error)")
        }
        allocations[allocation.id] = allocation
    }
}
