/// Channels (RFC 8656 12).
internal import STUN

extension AllocationTable {
    /// The channel that is bound to a number.
    mutating func boundChannel(
        _ number: UInt16,
        of allocation: Slot<Allocation>,
        at now: Instant
    ) -> Slot<Channel>? {
        var slot = allocations[allocation].recentChannel
        if !slot.isSome || channels[slot].number != number {
            guard let found = channel(number, of: allocation) else { return nil }
            allocations[allocation].recentChannel = found
            slot = found
        }
        return channels[slot].expiry > now ? slot : nil
    }

    /// The channel bound to, or held for, the peer of a datagram.
    mutating func channel(
        from peer: TransportAddress,
        of allocation: Slot<Allocation>
    ) -> Slot<Channel>? {
        let recent = allocations[allocation].recentChannel
        if recent.isSome, channels[recent].peer == peer { return recent }
        guard let found = channel(to: peer, of: allocation) else { return nil }
        allocations[allocation].recentChannel = found
        return found
    }

    /// The channel that has a number, bound or held.
    func channel(_ number: UInt16, of allocation: Slot<Allocation>) -> Slot<Channel>? {
        channelByNumber.value(of: ChannelNumberKey(allocation: allocation, number: number))
    }

    /// The channel that has a peer, bound or held.
    func channel(to peer: TransportAddress, of allocation: Slot<Allocation>) -> Slot<Channel>? {
        channelByPeer.value(of: ChannelPeerKey(allocation: allocation, peer: peer))
    }

    /// Whether another channel fits.
    func hasRoomForChannel(in allocation: Slot<Allocation>) -> Bool {
        allocations[allocation].channelCount < channelsPerAllocation && !channels.isFull
    }

    /// Binds `number` to `peer` until `expiry`; neither is taken, and `hasRoomForChannel` was asked before.
    mutating func addChannel(
        _ number: UInt16,
        to peer: TransportAddress,
        of allocation: Slot<Allocation>,
        permission: Slot<Permission>,
        until expiry: Instant
    ) {
        let channel = Channel(
            allocation: allocation,
            number: number,
            expiry: expiry,
            peer: peer,
            permission: permission,
            next: allocations[allocation].firstChannel
        )
        guard let slot = channels.take(channel),
            channelByNumber.insert(slot, for: channel.numberKey),
            channelByPeer.insert(slot, for: channel.peerKey)
        else { preconditionFailure("room was checked, and the tables have as much as the pool") }
        allocations[allocation].firstChannel = slot
        allocations[allocation].channelCount &+= 1
        advanceDeadline(of: allocation, to: expiry)
        recent = RecentLookups()
    }

    /// Binds a channel again, until `expiry`.
    mutating func rebind(_ slot: Slot<Channel>, until expiry: Instant) {
        if channels[slot].isHeld {
            channels[slot].isHeld = false
            heldChannels -= 1
        }
        channels[slot].expiry = expiry
        advanceDeadline(of: channels[slot].allocation, to: expiry)
    }

    /// Holds the channels whose binding has ended, removes those whose hold has ended too or whose peers have
    /// no relayed address left, and lets go of permissions that have ended.
    ///
    /// Returns when the next of these happens to a channel.
    mutating func removeEndedChannels(of allocation: Slot<Allocation>, at now: Instant) -> Instant {
        var nextEnd = Instant.never
        var previous = Slot<Channel>.none
        var slot = allocations[allocation].firstChannel
        while slot.isSome {
            holdIfEnded(slot, at: now)
            let channel = channels[slot]
            if channel.deadline > now, allocations[allocation][channel.peer.ip.family].isOpen {
                nextEnd = min(nextEnd, channel.deadline)
                previous = slot
            } else {
                unlink(channel, after: previous)
                forget(slot)
            }
            slot = channel.next
        }
        return nextEnd
    }

    /// Removes the channels of an allocation that is being removed itself.
    mutating func removeAllChannels(of allocation: Allocation) {
        var slot = allocation.firstChannel
        while slot.isSome {
            let next = channels[slot].next
            forget(slot)
            slot = next
        }
    }

    private mutating func holdIfEnded(_ slot: Slot<Channel>, at now: Instant) {
        if !channels[slot].isHeld, channels[slot].expiry <= now {
            channels[slot].isHeld = true
            heldChannels += 1
        }
        if !isLive(channels[slot].permission, at: now) { channels[slot].permission = .none }
    }

    private mutating func unlink(_ channel: Channel, after previous: Slot<Channel>) {
        if previous.isSome {
            channels[previous].next = channel.next
        } else {
            allocations[channel.allocation].firstChannel = channel.next
        }
        allocations[channel.allocation].channelCount &-= 1
        allocations[channel.allocation].recentChannel = .none
    }

    /// Takes a channel out of tables and pool; the caller has unlinked it.
    private mutating func forget(_ slot: Slot<Channel>) {
        let channel = channels[slot]
        if channel.isHeld { heldChannels -= 1 }
        channelByNumber.remove(channel.numberKey)
        channelByPeer.remove(channel.peerKey)
        channels.giveBack(slot)
    }
}

extension Channel {
    fileprivate var numberKey: ChannelNumberKey {
        ChannelNumberKey(allocation: allocation, number: number)
    }

    fileprivate var peerKey: ChannelPeerKey {
        ChannelPeerKey(allocation: allocation, peer: peer)
    }
}
