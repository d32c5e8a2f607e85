/// Data from a client to its peers: Send indications (RFC 8656 11.2) and ChannelData (RFC 8656 12.5).
internal import STUN

extension TURNServer {
    /// Relays the payload of a Send indication; whatever is wrong with it, nobody is told.
    mutating func send(
        _ message: borrowing Message,
        from fiveTuple: FiveTuple,
        at now: Instant
    ) -> Verdict {
        guard let allocation = table.allocation(of: fiveTuple, at: now) else {
            return strayData(from: fiveTuple)
        }
        guard table.allocations[allocation].transport == .udp else {
            return .drop(.wrongTransport)
        }
        let attributes = SendAttributes(message)
        guard !attributes.isUnknownRequired else { return .drop(.unknownAttribute) }
        // No datagram can be sent to port 0 (RFC 768 reserves it).
        guard let peer = attributes.peer, let data = attributes.data, peer.port != 0 else {
            return .drop(.badSend)
        }
        let canonical = own.canonical(peer.ip)
        guard let permission = table.permission(of: allocation, for: canonical),
            table.isLive(permission, at: now)
        else { return .drop(.noPermission) }
        return forward(
            to: TransportAddress(ip: canonical, port: peer.port),
            from: allocation,
            data.offset..<data.offset + data.count,
            isDontFragment: attributes.isDontFragment
                && TURNServer.obeysDontFragment(from: fiveTuple, to: canonical),
            at: now
        )
    }

    /// Whether DF is set where a client asks for it: between IPv4 and IPv4, and from a stream (RFC 8656 13, 15); datagrams
    /// of other pairs ignore the attribute.
    private static func obeysDontFragment(from client: FiveTuple, to peer: IPAddress) -> Bool {
        client.transport.isStream
            || (client.client.ip.canonical.family == .ipv4 && peer.family == .ipv4)
    }

    /// Relays the payload of a ChannelData message.
    mutating func relayChannelData(
        _ datagram: RawSpan,
        from fiveTuple: FiveTuple,
        at now: Instant
    ) -> Verdict {
        guard let header = ChannelData(datagram) else { return .drop(.malformed) }
        guard let allocation = table.allocation(of: fiveTuple, at: now) else {
            return strayData(from: fiveTuple)
        }
        guard let channel = table.boundChannel(header.channel, of: allocation, at: now) else {
            return .drop(.unboundChannel)
        }
        guard table.isLive(table.channels[channel].permission, at: now) else {
            return .drop(.noPermission)
        }
        return forward(
            to: table.channels[channel].peer,
            from: allocation,
            ChannelData.headerCount..<ChannelData.headerCount + header.count,
            isDontFragment: false,
            at: now
        )
    }

    /// The last step of both: bandwidth, and what the loop has to know.
    private mutating func forward(
        to peer: TransportAddress,
        from allocation: Slot<Allocation>,
        _ payload: Range<Int>,
        isDontFragment: Bool,
        at now: Instant
    ) -> Verdict {
        let relay = table.allocations[allocation][peer.ip.family]
        guard relay.expiry > now else { return .drop(.noAllocation) }
        let isWithinBandwidth = table.allocations[allocation].bandwidthToPeers.take(
            UInt64(payload.count),
            of: bandwidth,
            at: now
        )
        guard isWithinBandwidth else { return .drop(.bandwidth) }
        return .forward(
            Forward(
                relay: relay.index,
                destination: peer,
                offset: payload.lowerBound,
                count: payload.count,
                isOwnRelayAddress: own.isRestrictedToRelays(peer.ip),
                isDontFragment: isDontFragment
            )
        )
    }
}

/// What a Send indication says, found in one walk over its attributes.
private struct SendAttributes {
    var peer: TransportAddress?
    var data: Attribute?
    var isDontFragment = false
    var isUnknownRequired = false

    init(_ message: borrowing Message) {
        var hasPeer = false
        var cursor = message.attributes()
        while let attribute = cursor.next(in: message) {
            switch attribute.type {
            case .xorPeerAddress where !hasPeer:
                hasPeer = true
                peer = message.xorAddress(attribute)
            case .data where data == nil:
                data = attribute
            case .dontFragment:
                isDontFragment = true
            default:
                isUnknownRequired = isUnknownRequired || attribute.type.isUnknownRequired
            }
        }
    }
}
