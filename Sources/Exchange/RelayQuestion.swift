/// What the control thread may ask a relay thread, and what it is answered.

/// A question; each has a number of the asker's, which its answers repeat.
public enum RelayQuestion: Sendable, BitwiseCopyable {
    /// Which allocations are there, from a place of the table on: some records, then `.end`.
    case allocations(number: UInt32, from: UInt32)
    /// End an allocation now: only `.end`, with `done` when it was there.
    case endAllocation(number: UInt32, place: UInt32, stamp: UInt64)
}

/// A part of an answer.
public enum RelayAnswer: Sendable, BitwiseCopyable {
    /// One allocation.
    case allocation(number: UInt32, AllocationRecord)
    /// Nothing more comes; `next` is where a listing goes on, nil when it is complete.
    case end(number: UInt32, next: UInt32?, done: Bool)
}

/// An address with its port, as both sides of `Exchange` can name it.
public struct RecordedAddress: Sendable, BitwiseCopyable, Equatable {
    /// 4 or 6.
    public var version: UInt8
    /// The first and the last 64 bits; an IPv4 address is in the last 32.
    public var high: UInt64, low: UInt64
    /// The UDP port.
    public var port: UInt16

    /// An address of its parts.
    public init(version: UInt8, high: UInt64, low: UInt64, port: UInt16) {
        self.version = version
        self.high = high
        self.low = low
        self.port = port
    }
}

/// An allocation as it was when somebody asked.
public struct AllocationRecord: Sendable, BitwiseCopyable {
    /// Where it is in its thread's table; others may come there after it.
    public var place: UInt32
    /// Tells it from others that had the same place.
    public var stamp: UInt64
    /// The client, as the server sees it.
    public var client: RecordedAddress
    /// The relayed address's family, port, and number among the family's relay addresses.
    public var relayVersion: UInt8, relayPort: UInt16, relayAddress: UInt8
    /// The port of the IPv6 relayed address beside one of IPv4; 0: there are not two.
    public var additionalRelayPort: UInt16
    /// The number of that one.
    public var additionalRelayAddress: UInt8
    /// How long it lives unless it is refreshed, in seconds.
    public var secondsLeft: UInt32
    /// Permissions and channels it has.
    public var permissions: UInt16, channels: UInt16
    /// The username's first bytes in UTF-8, zeros behind; all zeros when nothing had to be proved.
    public var user: InlineArray<64, UInt8>

    /// A record of its parts.
    public init(
        place: UInt32,
        stamp: UInt64,
        client: RecordedAddress,
        relayVersion: UInt8,
        relayPort: UInt16,
        relayAddress: UInt8 = 0,
        additionalRelayPort: UInt16 = 0,
        additionalRelayAddress: UInt8 = 0,
        secondsLeft: UInt32,
        permissions: UInt16,
        channels: UInt16,
        user: InlineArray<64, UInt8>
    ) {
        self.place = place
        self.stamp = stamp
        self.client = client
        self.relayVersion = relayVersion
        self.relayPort = relayPort
        self.relayAddress = relayAddress
        self.additionalRelayPort = additionalRelayPort
        self.additionalRelayAddress = additionalRelayAddress
        self.secondsLeft = secondsLeft
        self.permissions = permissions
        self.channels = channels
        self.user = user
    }
}
