/// Data in both directions: RFC 8656, 11 and 12.

extension ReferenceModel {
    /// A Send indication (RFC 8656, 11.2).
    func examine(send message: WireMessage, from client: FiveTuple) throws(Violation) {
        if try isLost(dataOf: client) { return }
        completeMove(to: client)
        let types = message.visible.map(\.type)
        let required = types.filter { $0 < 0x8000 && !WireType.known.contains($0) }
        if required.contains(where: { !WireType.disputed.contains($0) }) { return }
        guard let allocation = live(client), let data = message.value(WireType.data),
            let written = message.xorAddress(WireType.xorPeerAddress)
        else { return }
        // An IPv4 address written as a mapped one is of the wrong family in the strict reading.
        let isUncertain = !required.isEmpty || written.address.canonical != written.address
        let peer = canonical(written)
        // Other pairs of families ignore DONT-FRAGMENT (13.1 to 13.3).
        let isIPv4 = !client.client.address.canonical.isIPv6 && !peer.address.isIPv6
        let isDropped =
            isIPv4 && types.contains(WireType.dontFragment) && !scenario.canSetDontFragment
        try forward(
            data,
            of: allocation,
            to: peer,
            isUncertain: isUncertain,
            isDropped: isDropped
        )
    }

    /// A ChannelData message from a client (RFC 8656, 12.6).
    func examine(channelData bytes: [UInt8], from client: FiveTuple) throws(Violation) {
        guard bytes.count >= 4 else { return }
        let number = UInt16(bytes[0]) << 8 | UInt16(bytes[1])
        let count = Int(bytes[2]) << 8 | Int(bytes[3])
        guard 4 + count <= bytes.count else { return }
        if try isLost(dataOf: client) { return }
        completeMove(to: client)
        guard let allocation = live(client), let channel = allocation.channels[number],
            now < channel.expiry
        else { return }
        try forward(Array(bytes[4..<4 + count]), of: allocation, to: channel.peer)
    }

    private func forward(
        _ payload: [UInt8],
        of allocation: ModelAllocation,
        to peer: Endpoint,
        isUncertain: Bool = false,
        isDropped: Bool = false
    ) throws(Violation) {
        guard allocation.isPermitted(peer.address, at: now),
            let relay = allocation.relay(for: peer.address, at: now)?.name
        else { return }
        let destination = internalForm(peer)
        let isOwn = isOwnAddress(destination.address)
        if isOwn && !boundPorts.contains(destination) && !changedPorts.contains(destination) {
            return
        }
        // Ports that change in this pass depend on the order within it.
        let isUncertain = isUncertain || (isOwn && changedPorts.contains(destination))
        if peer.port == 0 { return }
        if isDropped {
            if isUncertain { tally.uncertainDrops += 1 }
            return
        }
        let flow = Flow(
            thread: relay.thread,
            socket: .relay(relay.index),
            destination: destination
        )
        if outputs.head(flow) == payload {
            outputs.removeHead(flow)
            tally.forwards += 1
            return
        }
        if isUncertain {
            tally.uncertainDrops += 1
            return
        }
        guard scenario.bandwidth > 0 else {
            throw Violation(
                "not forwarded to \(destination) from \(allocation.fiveTuple): \(hex(payload))"
                    + ", instead: \(outputs.head(flow).map(hex) ?? "nothing")"
            )
        }
        tally.bandwidthDrops += 1
    }

    /// A datagram of a peer on a relayed socket (RFC 8656, 11.3 and 12.7).
    func examine(
        _ payload: [UInt8],
        fromPeer source: Endpoint,
        on relay: RelayName
    ) throws(Violation) {
        let peer = externalForm(source)
        guard let allocation = relays[relay].flatMap({ allocations[$0] }),
            allocation.isPermitted(peer.address, at: now),
            allocation.relays.values.contains(where: { $0.name == relay && now < $0.expiry })
        else { return }
        let channel = allocation.channel(of: peer, at: now)
        var deliveries = 0
        for flow in allocation.flows {
            guard let head = outputs.head(flow),
                isDelivery(head, of: payload, from: peer, on: channel)
            else { continue }
            outputs.removeHead(flow)
            deliveries += 1
        }
        if deliveries > 0 {
            tally.forwards += 1
            tally.deliveries += 1
            tally.copies += UInt64(deliveries - 1)
            return
        }
        guard scenario.bandwidth > 0 else {
            throw Violation(
                "not delivered to \(allocation.paths) from \(peer) on channel \(channel ?? 0): "
                    + "\(hex(payload)), instead: "
                    + "\(allocation.flows.compactMap { outputs.head($0).map(hex) })"
            )
        }
        tally.bandwidthDrops += 1
    }

    private func isDelivery(
        _ bytes: [UInt8],
        of payload: [UInt8],
        from peer: Endpoint,
        on channel: UInt16?
    ) -> Bool {
        if let channel { return bytes == channelData(channel, payload, padded: false) }
        guard let message = WireMessage(bytes), message.method == WireMethod.data,
            message.messageClass == .indication, message.attributes.count == 2
        else { return false }
        return message.xorAddress(WireType.xorPeerAddress) == peer
            && message.value(WireType.data) == payload
            && isZeroPadded(message)
    }

    /// Bytes between attributes are zero (CVE-2020-4067 leaked memory there).
    func isZeroPadded(_ message: WireMessage) -> Bool {
        message.attributes.allSatisfy { attribute in
            let end = attribute.offset + attribute.value.count
            return message.bytes[end..<(end + 3) / 4 * 4].allSatisfy { $0 == 0 }
        }
    }
}

extension ReferenceModel {
    /// The address of a peer as permissions know it: IPv4-mapped is IPv4, our inner address the outer.
    func canonical(_ endpoint: Endpoint) -> Endpoint {
        externalForm(Endpoint(address: endpoint.address.canonical, port: endpoint.port))
    }

    /// Our own relay address as the world sees it.
    func externalForm(_ endpoint: Endpoint) -> Endpoint {
        guard scenario.hasExternalIPv4, endpoint.address == Scenario.relayIPv4 else {
            return endpoint
        }
        return Endpoint(address: Scenario.externalIPv4, port: endpoint.port)
    }

    /// The address that a datagram for our outer address is really sent to.
    func internalForm(_ endpoint: Endpoint) -> Endpoint {
        guard scenario.hasExternalIPv4, endpoint.address == Scenario.externalIPv4 else {
            return endpoint
        }
        return Endpoint(address: Scenario.relayIPv4, port: endpoint.port)
    }

    func isOwnAddress(_ address: Address) -> Bool {
        address == Scenario.relayIPv4 || address == Scenario.relayIPv6
            || (scenario.hasExternalIPv4 && address == Scenario.externalIPv4)
    }
}
