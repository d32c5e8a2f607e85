/// One datagram to send: a header and a payload inside one buffer, and zero bytes after them.
public struct OutgoingDatagram: Sendable, BitwiseCopyable {
    /// The registered file to send from.
    public var socket: UInt32
    /// Where to.
    public var destination: SocketAddress
    /// The buffer that holds header and payload.
    public var buffer: BufferIndex
    /// Where the header starts in the buffer.
    public var headerOffset: Int
    /// Bytes of header; may be 0.
    public var headerCount: Int
    /// Where the payload starts in the buffer.
    public var payloadOffset: Int
    /// Bytes of payload; may be 0.
    public var payloadCount: Int
    /// Zero bytes after the payload, 0 to 3.
    public var paddingCount: Int
    /// What its IP header says beside the addresses.
    public var marks: PacketMarks

    /// Describes a datagram.
    public init(
        socket: UInt32,
        destination: SocketAddress,
        buffer: BufferIndex,
        headerOffset: Int = 0,
        headerCount: Int = 0,
        payloadOffset: Int,
        payloadCount: Int,
        paddingCount: Int = 0,
        marks: PacketMarks = PacketMarks()
    ) {
        self.socket = socket
        self.destination = destination
        self.buffer = buffer
        self.headerOffset = headerOffset
        self.headerCount = headerCount
        self.payloadOffset = payloadOffset
        self.payloadCount = payloadCount
        self.paddingCount = paddingCount
        self.marks = marks
    }

    /// Bytes on the wire.
    public var count: Int {
        headerCount &+ payloadCount &+ paddingCount
    }
}

/// Fields of the IP header that the sender of a datagram chooses; datagrams of one send have the same.
public struct PacketMarks: Hashable, Sendable, BitwiseCopyable {
    /// IPv4's type of service, or IPv6's traffic class: DSCP in the upper 6 bits, ECN in the lower 2.
    public var trafficClass: UInt8
    /// Never fragmented: larger than the path, it is lost (DF of IPv4).
    public var isDontFragment: Bool

    /// The marks of a datagram; best effort, not ECN-capable and free to be fragmented unless said.
    public init(trafficClass: UInt8 = 0, isDontFragment: Bool = false) {
        self.trafficClass = trafficClass
        self.isDontFragment = isDontFragment
    }
}
