/// What an administrator sees of allocations, and how one is ended from outside.
public import STUN

/// An allocation as it is now.
public struct AllocationSummary: Sendable, BitwiseCopyable {
    /// Where it is in the tables.
    public let place: UInt32
    /// Tells it from others that had the same place: what the client drew for the request that made it.
    public let stamp: UInt64
    /// The client as the server sees it.
    public let client: TransportAddress
    /// The relayed address's family and port.
    public let family: AddressFamily, relayPort: UInt16
    /// The port of the IPv6 relayed address beside one of IPv4; 0: there are not two.
    public let additionalRelayPort: UInt16
    /// The numbers of the relay addresses of both.
    public let relayAddress: UInt8, additionalRelayAddress: UInt8
    /// How long it lives unless it is refreshed.
    public let secondsLeft: UInt32
    /// What it has of each; channels include those held after their end.
    public let permissions: UInt16, channels: UInt16
    /// The name it was made under.
    public let user: UserName
}

/// The first bytes of a USERNAME, zeros behind; all zeros when nothing had to be proved.
public struct UserName: Sendable, BitwiseCopyable {
    /// The bytes.
    public private(set) var bytes: InlineArray<64, UInt8> = .init(repeating: 0)

    /// No name.
    init() {}

    /// The name that a request gave.
    init(of message: borrowing Message) {
        guard let attribute = message.first(.username) else { return }
        let value = message.value(of: attribute)
        for index in 0..<min(value.byteCount, bytes.count) { bytes[index] = value.byte(index) }
    }
}

extension TURNServer {
    /// Places below this may hold an allocation.
    public var placeLimit: UInt32 { UInt32(truncatingIfNeeded: table.allocations.touched) }

    /// The allocation at a place; nil when there is none.
    public func allocation(at place: UInt32, now: Now) -> AllocationSummary? {
        // Every allocation has a deadline, a free place has none.
        guard place < placeLimit, table.deadlines.deadline(of: Int(place)) != nil else {
            return nil
        }
        let allocation = table.allocations[Slot(rawValue: place)]
        guard allocation.expiry > now.monotonic else { return nil }
        let family: AddressFamily = allocation.ipv4.isOpen ? .ipv4 : .ipv6
        return AllocationSummary(
            place: place,
            stamp: allocation.transactionID.low,
            client: allocation.fiveTuple.client.canonical,
            family: family,
            relayPort: allocation[family].port,
            additionalRelayPort: family == .ipv4 ? allocation.ipv6.port : 0,
            relayAddress: allocation[family].address,
            additionalRelayAddress: allocation.ipv6.address,
            secondsLeft: allocation.secondsLeft(at: now.monotonic),
            permissions: allocation.permissionCount,
            channels: allocation.channelCount,
            user: allocation.user
        )
    }

    /// Ends the allocation at a place if it is still the one with this stamp; its socket is then to be closed.
    ///
    /// - Returns: Whether it was there.
    public mutating func endAllocation(at place: UInt32, stamp: UInt64, now: Now) -> Bool {
        guard let found = allocation(at: place, now: now), found.stamp == stamp else {
            return false
        }
        table.remove(Slot(rawValue: place))
        counters.allocationsDeleted &+= 1
        return true
    }
}
