/// A filled buffer and the datagrams in it.

public import IOURing
public import STUN

/// One receive: a datagram, or a train that the kernel coalesced (UDP GRO).
public struct ReceivedBuffer: BitwiseCopyable {
    /// The buffer, held by this pass.
    public let buffer: BufferIndex
    /// Who sent all the datagrams in it.
    public let source: TransportAddress
    /// Where the first datagram begins; at least `Limits.headroom` bytes before it are free.
    public let offset: Int
    /// Bytes of all datagrams.
    public let count: Int
    /// Bytes of each datagram but perhaps the last; at least 1.
    public let segmentSize: Int
    /// IPv4's type of service or IPv6's traffic class of all of them.
    public let trafficClass: UInt8

    /// Describes a receive; a segment size of 0 means one datagram.
    public init(
        buffer: BufferIndex,
        source: TransportAddress,
        offset: Int,
        count: Int,
        segmentSize: Int,
        trafficClass: UInt8 = 0
    ) {
        self.buffer = buffer
        self.source = source
        self.offset = offset
        self.count = count
        self.segmentSize = segmentSize > 0 ? segmentSize : max(count, 1)
        self.trafficClass = trafficClass
    }

    /// Whether the kernel joined several datagrams.
    var isCoalesced: Bool { segmentSize < count }

    /// Datagrams in the buffer; a receive of no bytes is one empty datagram.
    var datagramCount: UInt64 {
        count <= segmentSize
            ? 1 : UInt64(truncatingIfNeeded: (count &+ segmentSize &- 1) / segmentSize)
    }
}
