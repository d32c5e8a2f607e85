/// An allocation that goes to another thread, because the kernel brings its client's new 5-tuple there.
///
/// That thread passes on what the client asks, so that the old path stays as it is (RFC 8016 3.2.2); the first data
/// from the new 5-tuple ends the move, and then the allocation follows its client.
public import STUN

/// An allocation on its way from one thread's server to another's.
public struct MovedAllocation: Sendable {
    let allocation: Allocation
    let permissions: [(peer: IPAddress, expiry: Instant)]
    let channels: [Channel]

    /// The relayed socket of a family on the old thread; nil when there is none.
    public func relay(_ family: AddressFamily) -> OpenedRelay? {
        let relay = allocation[family]
        guard relay.isOpen else { return nil }
        return OpenedRelay(index: relay.index, port: relay.port, address: relay.address)
    }

    /// The user as quotas count him.
    public var userTag: UInt64 { allocation.userTag }
}

extension TURNServer {
    /// Where a request goes whose sender has, or by its ticket may have, an allocation on another thread.
    ///
    /// Whoever allocates anew has given the other one up.
    mutating func elsewhere(_ message: borrowing Message, _ request: Request) -> Verdict? {
        if let thread = table.promises.thread(of: request.fiveTuple) {
            guard request.method == .allocate else { return .elsewhere(thread: thread) }
            table.promises.remove(request.fiveTuple)
        }
        guard asksElsewhere, request.method == .refresh, mobilityError(request) == nil,
            let attribute = message.first(.mobilityTicket),
            let ticket = ticketKey.open(message.value(of: attribute)),
            table.byTicket.value(of: ticket.stamp) == nil
        else { return nil }
        return .elsewhere(thread: nil)
    }

    /// What becomes of data whose sender has no allocation here.
    func strayData(from fiveTuple: FiveTuple) -> Verdict {
        guard let thread = table.promises.thread(of: fiveTuple) else { return .drop(.noAllocation) }
        return .elsewhere(thread: thread)
    }

    /// Notes that `thread` has the allocation of a client here; nil: that none has.
    public mutating func promise(_ fiveTuple: FiveTuple, thread: UInt16?) {
        guard table.byClient.value(of: fiveTuple) == nil, let thread else {
            return table.promises.remove(fiveTuple)
        }
        table.promises.set(fiveTuple, to: thread)
    }

    /// A copy of the allocation of a client that has no other path any more; not while a part of it that has ended waits
    /// to be removed, which would come alive elsewhere.
    public func movedAllocation(of fiveTuple: FiveTuple, at now: Now) -> MovedAllocation? {
        guard let slot = table.byClient.value(of: fiveTuple) else { return nil }
        let allocation = table.allocations[slot]
        guard allocation.fiveTuple == fiveTuple, allocation.mobility.next == nil,
            allocation.firstExpiry > now.monotonic
        else { return nil }
        var permissions: [(peer: IPAddress, expiry: Instant)] = []
        var permission = allocation.firstPermission
        while permission.isSome {
            let value = table.permissions[permission]
            permissions.append((value.key.peer, value.expiry))
            permission = value.next
        }
        var channels: [Channel] = []
        var channel = allocation.firstChannel
        while channel.isSome {
            channels.append(table.channels[channel])
            channel = table.channels[channel].next
        }
        return MovedAllocation(
            allocation: allocation,
            permissions: permissions,
            channels: channels
        )
    }

    /// The relayed socket of a client's allocation for peers of a family.
    public func relay(of fiveTuple: FiveTuple, _ family: AddressFamily) -> RelayIndex? {
        guard let slot = table.byClient.value(of: fiveTuple) else { return nil }
        let relay = table.allocations[slot][family]
        return relay.isOpen ? relay.index : nil
    }

    /// Forgets an allocation that `thread` has now, but for where it went; its socket is the caller's to let go.
    public mutating func giveAway(_ fiveTuple: FiveTuple, to thread: UInt16) {
        guard let slot = table.byClient.value(of: fiveTuple) else { return }
        if let ticket = table.allocations[slot].mobility.ticket {
            table.departures.set(ticket.stamp, to: thread)
        }
        table.giveAway(slot)
    }

    /// The thread to which the allocation of a message's ticket went from here last, if it did.
    public func departure(of datagram: RawSpan) -> UInt16? {
        guard let message = Message(datagram), let attribute = message.first(.mobilityTicket),
            let ticket = ticketKey.open(message.value(of: attribute))
        else { return nil }
        return table.departures.thread(of: ticket.stamp)
    }

    /// Takes over an allocation whose client is here and whose sockets are now these.
    ///
    /// Permissions and channels for which this thread has no room are lost, as if they had ended.
    ///
    /// - Returns: false when there is no room for it, or the client has another one.
    public mutating func install(
        _ moved: MovedAllocation,
        client fiveTuple: FiveTuple,
        ipv4: RelayIndex?,
        ipv6: RelayIndex?
    ) -> Bool {
        table.promises.remove(fiveTuple)
        if let ticket = moved.allocation.mobility.ticket { table.departures.remove(ticket.stamp) }
        guard table.hasRoom, table.byClient.value(of: fiveTuple) == nil else { return false }
        let slot = table.insert(moved.allocation.reseated(fiveTuple, ipv4, ipv6))
        if let ticket = moved.allocation.mobility.ticket {
            _ = table.byTicket.insert(slot, for: ticket.stamp)
        }
        for permission in moved.permissions.reversed() {
            _ = table.addPermission(to: slot, for: permission.peer, until: permission.expiry)
        }
        for channel in moved.channels.reversed() { install(channel, in: slot) }
        return true
    }

    private mutating func install(_ channel: Channel, in slot: Slot<Allocation>) {
        guard table.hasRoomForChannel(in: slot) else { return }
        table.addChannel(
            channel.number,
            to: channel.peer,
            of: slot,
            permission: table.permission(of: slot, for: channel.peer.ip) ?? .none,
            until: channel.expiry
        )
        guard channel.isHeld else { return }
        table.channels[table.allocations[slot].firstChannel].isHeld = true
        table.heldChannels += 1
    }
}

extension Allocation {
    /// The allocation without what it owns, for another table.
    fileprivate func reseated(
        _ fiveTuple: FiveTuple,
        _ ipv4: RelayIndex?,
        _ ipv6: RelayIndex?
    ) -> Allocation {
        var allocation = self
        allocation.fiveTuple = fiveTuple
        allocation.mobility.next = nil
        if let ipv4 { allocation.ipv4.index = ipv4 }
        if let ipv6 { allocation.ipv6.index = ipv6 }
        allocation.permissionCount = 0
        allocation.channelCount = 0
        allocation.firstPermission = .none
        allocation.firstChannel = .none
        allocation.recentChannel = .none
        return allocation
    }
}
