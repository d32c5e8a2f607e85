/// ChannelBind (RFC 8656 12).
internal import STUN

extension TURNServer {
    /// Binds a channel to a peer, or prolongs the binding (RFC 8656 12.2).
    mutating func channelBind(
        _ message: borrowing Message,
        _ request: Request,
        _ reply: inout MutableRawSpan
    ) -> Verdict {
        let slot: Slot<Allocation>
        switch ownedAllocation(request) {
        case .refused(let code): return refuse(request, code, &reply)
        case .found(let found): slot = found
        }
        // Channels carry datagrams (RFC 6062 3).
        guard table.allocations[slot].transport == .udp else {
            return refuse(request, .badRequest, &reply)
        }
        guard let binding = RequestedBinding(message, channelNumbers) else {
            return refuse(request, .badRequest, &reply)
        }
        let peer = TransportAddress(ip: own.canonical(binding.peer.ip), port: binding.peer.port)
        let existing = table.channel(binding.number, of: slot)
        // The number is another peer's, or the peer has another number; held ones count.
        guard existing == table.channel(to: peer, of: slot) else {
            return refuse(request, .badRequest, &reply)
        }
        if let code = peerError(binding.peer.ip, slot) {
            return refuse(request, code, &reply)
        }
        guard bind(binding.number, to: peer, existing, of: slot, at: request.now) else {
            return refuse(request, .insufficientCapacity, &reply)
        }
        return acknowledge(request, &reply)
    }

    /// The numbers a client may bind: RFC 8656 12 keeps 0x5000 and above in reserve, RFC 5766 11 did not.
    private var channelNumbers: ClosedRange<UInt16> {
        configuration.rfc5766Channels ? 0x4000...0x7FFF : 0x4000...0x4FFF
    }

    /// Binds and installs the permission, or does nothing and returns false when there is no room.
    private mutating func bind(
        _ number: UInt16,
        to peer: TransportAddress,
        _ existing: Slot<Channel>?,
        of allocation: Slot<Allocation>,
        at now: Now
    ) -> Bool {
        guard existing != nil || table.hasRoomForChannel(in: allocation) else { return false }
        let permissionEnd = permissionExpiry(at: now)
        let permission: Slot<Permission>
        switch table.addPermission(to: allocation, for: peer.ip, until: permissionEnd) {
        case .full: return false
        case .added(let slot): permission = slot
        case .existing(let slot):
            permission = slot
            table.setExpiry(of: slot, to: permissionEnd)
        }
        let end = now.monotonic.advanced(bySeconds: UInt64(configuration.channelLifetimeSeconds))
        if let existing {
            table.rebind(existing, until: end)
        } else {
            table.addChannel(number, to: peer, of: allocation, permission: permission, until: end)
        }
        return true
    }
}

/// The pair a ChannelBind request is about.
private struct RequestedBinding {
    let number: UInt16
    let peer: TransportAddress

    /// Nil when an attribute is missing, malformed or out of range.
    ///
    /// Port 0 is: no datagram can be sent there, and the binding could only ever take up room.
    init?(_ message: borrowing Message, _ numbers: ClosedRange<UInt16>) {
        guard let numberAttribute = message.first(.channelNumber), numberAttribute.count == 4,
            let number = message.uint16(numberAttribute), numbers.contains(number),
            let peerAttribute = message.first(.xorPeerAddress),
            let peer = message.xorAddress(peerAttribute), peer.port != 0
        else { return nil }
        self.number = number
        self.peer = peer
    }
}
