/// Requests, and what they change: RFC 8656, 7 to 10 and 12.

extension ReferenceModel {
    /// A Binding request: anybody may ask (RFC 8489, 6.3.1).
    func examine(binding message: WireMessage, from client: FiveTuple) throws(Violation) {
        var judgement = Judgement()
        judgement.maySilence = scenario.unauthenticatedPerSecond > 0
        checkUnknown(message, &judgement)
        guard let answer = try success(to: message, of: client, by: nil, judgement) else { return }
        guard answer.xorAddress(WireType.xorMappedAddress) == client.mapped else {
            throw Violation("a wrong mapped address for \(client.client)")
        }
    }

    /// A request of a method that RFC 8656 does not have: refused or passed over, never a success.
    func examine(strange message: WireMessage, from client: FiveTuple) throws(Violation) {
        guard let answer = takeAnswer(to: message, of: client) else { return }
        guard answer.messageClass == .error else {
            throw Violation("success for method \(message.method)")
        }
        remember(nonceOf: answer, for: client)
    }

    /// A request that needs credentials.
    func examine(request message: WireMessage, from client: FiveTuple) throws(Violation) {
        var judgement = Judgement()
        let author =
            scenario.isAuthenticationRequired
            ? author(of: message, from: client, &judgement) : anybody(message, &judgement)
        checkUnknown(message, &judgement)
        if try isRefusedEarly(message, client, author, judgement) { return }
        switch message.method {
        case WireMethod.allocate: try examine(allocate: message, client, author, judgement)
        case WireMethod.refresh: try examine(refresh: message, client, author, judgement)
        case WireMethod.createPermission:
            try examine(createPermission: message, client, author, judgement)
        default: try examine(channelBind: message, client, author, judgement)
        }
    }

    private func checkUnknown(_ message: WireMessage, _ judgement: inout Judgement) {
        for type in message.visible.map(\.type) where type < 0x8000 {
            if WireType.known.contains(type) { continue }
            if WireType.disputed.contains(type) {
                judgement.mayFail.insert(420)
            } else {
                judgement.mustFail.insert(420)
            }
        }
    }

    /// The allocation that a request is about, and what is wrong with asking (RFC 8656, 8 and 10).
    private func allocation(
        _ client: FiveTuple,
        _ author: Author?,
        _ judgement: inout Judgement
    ) -> ModelAllocation? {
        guard let allocation = live(client) else {
            judgement.mustFail.insert(437)
            return nil
        }
        if let author, author.user != allocation.user { judgement.mustFail.insert(441) }
        return allocation
    }

    /// Refresh (RFC 8656, 8.2).
    private func examine(
        refresh message: WireMessage,
        _ client: FiveTuple,
        _ author: Author?,
        _ judgement: Judgement
    ) throws(Violation) {
        var judgement = judgement
        let ticket = message.value(WireType.mobilityTicket)
        let allocation =
            if let ticket { try allocation(of: ticket, client, author, &judgement) } else {
                allocation(client, author, &judgement)
            }
        if let allocation, let family = message.value(WireType.requestedAddressFamily) {
            if family.count != 4 {
                judgement.mustFail.formUnion([400, 443])
            } else if allocation.relays[family[0]].map({ now >= $0.expiry }) ?? true {
                judgement.mustFail.formUnion(
                    family[0] == 1 || family[0] == 2 ? [443] : [400, 440, 443]
                )
            }
        }
        checkLength(of: WireType.lifetime, in: message, &judgement)
        let answer = try success(to: message, of: client, by: author, judgement)
        guard let answer, var allocation else { return }
        guard let granted = answer.number(WireType.lifetime, count: 4) else {
            throw Violation("Refresh success without LIFETIME")
        }
        let asked = message.number(WireType.lifetime, count: 4)
        guard granted == (asked == 0 ? 0 : grantedLifetime(asked)) else {
            throw Violation("a lifetime of \(granted) for \(asked ?? 0)")
        }
        if ticket != nil {
            try move(&allocation, to: client, answer, isEnding: granted == 0)
            allocations[allocation.id] = allocation
        }
        let only = message.value(WireType.requestedAddressFamily)?.first
        for family in allocation.relays.keys.sorted() where only ?? family == family {
            if granted == 0 {
                if let left = allocations[allocation.id] { end(left, family) }
            } else if now < allocation.relays[family]?.expiry ?? 0 {
                allocation.relays[family]?.expiry = now + .seconds(Int(granted))
                allocations[allocation.id] = allocation
            }
        }
    }

    /// LIFETIME as RFC 8656, 7.2 grants it.
    func grantedLifetime(_ asked: UInt64?) -> UInt64 {
        max(600, min(asked ?? 600, UInt64(scenario.maximumLifetimeSeconds)))
    }

    /// CreatePermission (RFC 8656, 10.2): all peers or none.
    private func examine(
        createPermission message: WireMessage,
        _ client: FiveTuple,
        _ author: Author?,
        _ judgement: Judgement
    ) throws(Violation) {
        var judgement = judgement
        let allocation = allocation(client, author, &judgement)
        let written = message.visible.filter { $0.type == WireType.xorPeerAddress }
        if written.isEmpty { judgement.mustFail.insert(400) }
        var peers: Set<Address> = []
        for attribute in written {
            guard let peer = checkPeer(message, attribute, allocation, &judgement) else { continue }
            peers.insert(peer.address)
        }
        checkRoom(for: peers, in: allocation, &judgement)
        let answer = try success(to: message, of: client, by: author, judgement)
        guard answer != nil, var allocation else { return }
        for peer in peers { permit(peer, in: &allocation) }
        allocations[allocation.id] = allocation
    }

    /// ChannelBind (RFC 8656, 12.2).
    private func examine(
        channelBind message: WireMessage,
        _ client: FiveTuple,
        _ author: Author?,
        _ judgement: Judgement
    ) throws(Violation) {
        var judgement = judgement
        let allocation = allocation(client, author, &judgement)
        let number = message.value(WireType.channelNumber).flatMap {
            $0.count == 4 ? UInt16($0[0]) << 8 | UInt16($0[1]) : nil
        }
        let last: UInt16 = scenario.isRFC5766 ? 0x7FFF : 0x4FFF
        if !(0x4000...last).contains(number ?? 0) { judgement.mustFail.insert(400) }
        if number == 0x7FFF { judgement.mayFail.insert(400) }
        var peer: Endpoint?
        if let attribute = message.first(WireType.xorPeerAddress) {
            peer = checkPeer(message, attribute, allocation, &judgement)
        } else {
            judgement.mustFail.insert(400)
        }
        if let allocation, let number, let peer {
            checkBinding(of: number, to: peer, in: allocation, &judgement)
            checkRoom(for: [peer.address], in: allocation, &judgement)
        }
        let answer = try success(to: message, of: client, by: author, judgement)
        guard answer != nil, var allocation, let number, let peer else { return }
        let lifetime = Nanoseconds.seconds(Int(scenario.channelLifetimeSeconds))
        allocation.channels[number] = ModelChannel(peer: peer, expiry: now + lifetime)
        permit(peer.address, in: &allocation)
        allocations[allocation.id] = allocation
    }

    private func checkBinding(
        of number: UInt16,
        to peer: Endpoint,
        in allocation: ModelAllocation,
        _ judgement: inout Judgement
    ) {
        // Whether the server insists on the time that a number is kept is its choice.
        let bound = allocation.channels.filter {
            now < $0.value.expiry + ModelChannel.hold
                && allocation.relay(for: $0.value.peer.address, at: now) != nil
        }
        for (other, channel) in bound where (other == number) != (channel.peer == peer) {
            if now < channel.expiry {
                judgement.mustFail.insert(400)
            } else {
                judgement.mayFail.insert(400)
            }
        }
        guard bound[number] == nil else { return }
        let limit = scenario.channelsPerAllocation
        if bound.values.count(where: { now < $0.expiry }) >= limit {
            judgement.mustFail.insert(508)
        }
        let gauges = gauges(thread: allocation.thread)
        let isCrowded = gauges.channels + gauges.held >= scenario.allocationCapacity * min(limit, 4)
        if bound.count >= limit || isCrowded { judgement.mayFail.insert(508) }
    }

    private func permit(_ peer: Address, in allocation: inout ModelAllocation) {
        allocation.permissions[peer] = now + .seconds(Int(scenario.permissionLifetimeSeconds))
    }

    private func checkRoom(
        for peers: Set<Address>,
        in allocation: ModelAllocation?,
        _ judgement: inout Judgement
    ) {
        guard let allocation else { return }
        let live = allocation.permissions.keys.filter {
            allocation.isPermitted($0, at: now) && allocation.relay(for: $0, at: now) != nil
        }
        if Set(live).union(peers).count > scenario.permissionsPerAllocation {
            judgement.mustFail.insert(508)
        }
        // The thread's own room is sized for what is usual.
        let each = min(scenario.permissionsPerAllocation, 8)
        let all = gauges(thread: allocation.thread).permissions + peers.count
        if all > scenario.allocationCapacity * each { judgement.mayFail.insert(508) }
    }

    /// The peer of an XOR-PEER-ADDRESS, and what is wrong with it (RFC 8656, 10.2).
    private func checkPeer(
        _ message: WireMessage,
        _ attribute: WireMessage.Attribute,
        _ allocation: ModelAllocation?,
        _ judgement: inout Judgement
    ) -> Endpoint? {
        guard let written = message.xorAddress(attribute) else {
            judgement.mustFail.formUnion([400])
            judgement.mayFail.formUnion([443])
            return nil
        }
        let peer = canonical(written)
        if let allocation {
            if allocation.relay(for: peer.address, at: now) == nil {
                judgement.mustFail.insert(443)
            }
            if written.address.isIPv6 != peer.address.isIPv6
                || allocation.relay(for: written.address, at: now) == nil
            {
                judgement.mayFail.insert(443)
            }
        }
        let isDenied = PeerRules.isDenied(
            peer.address,
            allowsPrivatePeers: scenario.allowsPrivatePeers
        )
        if isDenied && !isOwnAddress(peer.address) {
            judgement.mustFail.insert(403)
        } else if written.address.canonical != written.address || isOwnAddress(written.address) {
            judgement.mayFail.insert(403)
        }
        return peer
    }

    /// A number attribute of a wrong length may be refused or be passed over.
    func checkLength(of type: UInt16, in message: WireMessage, _ judgement: inout Judgement) {
        if let value = message.value(type), value.count != 4 { judgement.mayFail.insert(400) }
    }
}
