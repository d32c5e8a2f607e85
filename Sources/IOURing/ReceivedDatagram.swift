internal import CLinux
internal import Glibc

/// What a multishot receive wrote into a buffer: who sent it, and where the payload lies.
///
/// The kernel writes a header of 16 bytes, room for the address, room for control messages, and then
/// the payload (`struct io_uring_recvmsg_out`). Once this view is made, everything before
/// ``payloadOffset`` is free headroom.
public struct ReceivedDatagram: Sendable, BitwiseCopyable {
    /// Who sent it.
    public let source: SocketAddress
    /// Bytes of payload that arrived in the buffer; several datagrams when coalesced.
    public let payloadCount: Int
    /// Bytes of each datagram but the last; `payloadCount` when nothing was coalesced.
    public let segmentSize: Int
    /// IPv4's type of service, or IPv6's traffic class, of every datagram; 0 where the kernel was not asked.
    public let trafficClass: UInt8
    /// The buffer was too small and the kernel cut the end off.
    public let isTruncated: Bool

    /// Bytes before the payload in every received buffer.
    public static var payloadOffset: Int { headerSize + nameRoom + controlRoom }

    /// Bytes before the payload.
    public var payloadOffset: Int { Self.payloadOffset }

    /// `sizeof(struct io_uring_recvmsg_out)`.
    static let headerSize = 16
    /// Room for a `sockaddr_in6`.
    static let nameRoom = SocketAddress.kernelSize
    /// Room for control messages.
    ///
    /// UDP_GRO and the traffic class need 24 bytes each. 68 make the payload start at 112, so that the headers of two Data
    /// indications (2 × 48), for all segments of a train and its shorter last one, fit before it.
    static let controlRoom = 68

    /// Reads a filled buffer; `nil` when there is no payload area or the source is no IP address.
    ///
    /// - Parameter bytes: The buffer's first bytes, as many as the completion's result says.
    public init?(in bytes: RawSpan) {
        guard bytes.byteCount >= Self.payloadOffset else { return nil }
        // SAFETY: the guard above: the header's 16 bytes are there.
        let nameCount = unsafe bytes.unsafeLoad(fromByteOffset: 0, as: UInt32.self)
        let controlCount = unsafe bytes.unsafeLoad(fromByteOffset: 4, as: UInt32.self)
        let payloadCount = unsafe bytes.unsafeLoad(fromByteOffset: 8, as: UInt32.self)
        let flags = unsafe bytes.unsafeLoad(fromByteOffset: 12, as: UInt32.self)

        let source = SocketAddress(
            kernelForm: bytes,
            at: Self.headerSize,
            count: min(Int(nameCount), Self.nameRoom)
        )
        guard let source else { return nil }
        let present = bytes.byteCount &- Self.payloadOffset
        self.source = source
        self.payloadCount = min(Int(payloadCount), present)
        isTruncated = flags & UInt32(MSG_TRUNC) != 0 || Int(payloadCount) > present

        let control = ControlMessages(
            in: bytes,
            Self.headerSize + Self.nameRoom,
            count: min(Int(controlCount), Self.controlRoom)
        )
        trafficClass = control.trafficClass
        let coalesced = control.segmentSize
        segmentSize = coalesced > 0 ? min(coalesced, self.payloadCount) : self.payloadCount
    }

    /// The datagrams that the payload holds.
    public var datagramCount: Int {
        segmentSize > 0 ? (payloadCount &+ segmentSize &- 1) / segmentSize : 1
    }
}

/// What the control messages of a receive say: how it was coalesced, and its traffic class.
private struct ControlMessages {
    /// The value of UDP_GRO, or 0.
    private(set) var segmentSize = 0
    /// The value of IP_TOS or IPV6_TCLASS, or 0.
    private(set) var trafficClass: UInt8 = 0

    /// Reads `count` bytes from `offset`, which lie inside `bytes`.
    init(in bytes: RawSpan, _ offset: Int, count: Int) {
        var offset = offset
        let end = offset &+ count
        // A cmsghdr is a length of 8 bytes, a level and a type of 4; values are padded to 8.
        while end &- offset >= 16 {
            // SAFETY: the loop's condition, and end <= payloadOffset <= byteCount.
            let count = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt.self)
            let level = unsafe bytes.unsafeLoadUnaligned(
                fromByteOffset: offset &+ 8,
                as: Int32.self
            )
            let type = unsafe bytes.unsafeLoadUnaligned(
                fromByteOffset: offset &+ 12,
                as: Int32.self
            )
            guard count >= 16, count <= UInt(end &- offset) else { return }
            read(level, type, in: bytes, offset &+ 16, count: count &- 16)
            offset &+= (Int(count) &+ 7) & ~7
        }
    }

    /// Reads a value of `count` bytes that lies inside `bytes`.
    private mutating func read(
        _ level: Int32,
        _ type: Int32,
        in bytes: RawSpan,
        _ offset: Int,
        count: UInt
    ) {
        if level == Int32(SOL_UDP), type == UDP_GRO, count >= 4 {
            // SAFETY: the caller's promise: 4 bytes of value are there.
            let size = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: Int32.self)
            segmentSize = max(0, Int(size))
        } else if level == Int32(IPPROTO_IP), type == IP_TOS, count >= 1 {
            // SAFETY: the caller's promise: a byte of value is there.
            trafficClass = unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
        } else if level == Int32(IPPROTO_IPV6), type == IPV6_TCLASS, count >= 4 {
            // SAFETY: the caller's promise: 4 bytes of value are there.
            let value = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: Int32.self)
            trafficClass = UInt8(truncatingIfNeeded: value)
        }
    }
}
