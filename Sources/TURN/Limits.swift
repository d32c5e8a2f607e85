/// Every bound of the TURN module, each with its reason.
public enum Limits {
    /// Lifetime granted when a client asks for less or for nothing (RFC 8656 7.2).
    public static let defaultLifetimeSeconds: UInt32 = 600

    /// After a channel expired its number and its peer stay bound to each other this long (RFC 8656 12).
    public static let channelHoldSeconds: UInt32 = 300

    /// A port reserved by EVEN-PORT is kept this long (RFC 8656 7.2: at least 30 s).
    public static let reservationSeconds: UInt32 = 30

    /// Permissions of one allocation: a client asks for one for each address among the candidates of each
    /// remote participant, some five of them, times the participants of a mesh call.
    ///
    /// Bounds what one deletion can cost.
    public static let permissionsPerAllocation = 64

    /// Channels of one allocation: a client binds one for each selected pair, and a number is held for five
    /// minutes after use.
    public static let channelsPerAllocation = 64

    /// How long a peer has to take a connection (RFC 6062 5.2: at least 30 s).
    public static let connectSeconds: UInt64 = 30

    /// How long a peer's connection waits for the client's ConnectionBind (RFC 6062 5.2, 5.3: 30 s).
    public static let connectionBindSeconds: UInt64 = 30

    /// Connections with peers of one TCP allocation: a client opens one for each pair of candidates at most,
    /// and ICE checks some ten at a time.
    ///
    /// Bounds what one Connect request and one deletion can cost.
    public static let tcpConnectionsPerAllocation = 16

    /// Connections with peers of a thread, each with two descriptors: TCP allocations are few among all.
    public static let tcpConnections = 1024

    /// How long a client that moves and sends no data gets what peers send on both paths, from its last request on
    /// the new one on: as long as a permission lasts, which it has to ask for again by then.
    public static let copySeconds: UInt64 = 300

    /// Clients that moved here from another thread and have not sent data yet; and allocations that left, of which only
    /// those matter that left while a request for them was on its way between threads.
    public static let promises = 1024

    /// Permissions of a thread: the average over its allocations is far below the most of one.
    public static func permissions(allocations: Int, each: Int) -> Int {
        max(allocations * min(each, 8), each)
    }

    /// Channels of a thread, as above; a call has one or two at a time.
    public static func channels(allocations: Int, each: Int) -> Int {
        max(allocations * min(each, 4), each)
    }

    /// Indexes of relayed sockets: live ones, two for each allocation at most, as many again that are being
    /// closed, and the loop's others.
    public static func relayIndexes(allocations: Int) -> Int {
        4 * allocations + 4096
    }

    /// ICMP errors that the client of an allocation is told of in a second, and at once: ICE checks some pairs
    /// that nobody answers, and each check may draw one.
    public static let icmpPerSecond: UInt64 = 4, icmpBurst: UInt64 = 16

    /// PADDING of an answer: an Ethernet's MTU (RFC 5780 6.1).
    public static let discoveryPaddingBytes = 1500

    /// Room for any answer: that padding, and all else together.
    public static let replyBytes = 2048

    /// The longest payload of a UDP datagram over IPv4: 65 535 less the IP and UDP headers.
    public static let datagramBytes = 65_507
}
