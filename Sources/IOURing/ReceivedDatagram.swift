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
    @inline(__always)
    public init?(in bytes: RawSpan) {
        guard bytes.byteCount >= Self.payloadOffset else { return nil }
        // SAFETY: the guard above: all that comes before the payload is there, and nothing else is read.
        let front = unsafe bytes.withUnsafeBytes { unsafe Front($0.baseAddress) }
        guard let front, let source = front.source else { return nil }
        let present = bytes.byteCount &- Self.payloadOffset
        self.source = source
        payloadCount = min(front.payloadCount, present)
        isTruncated = front.isTruncated || front.payloadCount > present
        trafficClass = front.control.trafficClass
        let coalesced = front.control.segmentSize
        segmentSize = coalesced > 0 ? min(coalesced, payloadCount) : payloadCount
    }

    /// The datagrams that the payload holds.
    public var datagramCount: Int {
        segmentSize > 0 ? (payloadCount &+ segmentSize &- 1) / segmentSize : 1
    }
}

extension BufferPool {
    /// What a multishot receive wrote into a buffer: so many bytes, as the completion says.
    public func datagram(in buffer: BufferIndex, byteCount: Int) -> ReceivedDatagram? {
        ReceivedDatagram(in: bytes(buffer, 0..<max(0, byteCount)))
    }
}

/// What the kernel writes before a payload.
private struct Front {
    let source: SocketAddress?
    let payloadCount: Int
    let isTruncated: Bool
    let control: ControlMessages

    /// Reads a header, the room for an address and that for control messages; `nil` where there is nothing.
    @unsafe
    @inline(__always)
    init?(_ start: UnsafeRawPointer?) {
        guard let start = unsafe start else { return nil }
        // SAFETY: the caller's promise: ReceivedDatagram.payloadOffset bytes are there.
        let nameCount = unsafe start.load(fromByteOffset: 0, as: UInt32.self)
        let controlCount = unsafe start.load(fromByteOffset: 4, as: UInt32.self)
        let flags = unsafe start.load(fromByteOffset: 12, as: UInt32.self)
        payloadCount = Int(unsafe start.load(fromByteOffset: 8, as: UInt32.self))
        isTruncated = flags & UInt32(MSG_TRUNC) != 0
        let name = unsafe start + ReceivedDatagram.headerSize
        unsafe source = SocketAddress(
            kernelForm: name,
            count: min(Int(nameCount), ReceivedDatagram.nameRoom)
        )
        unsafe control = ControlMessages(
            name + ReceivedDatagram.nameRoom,
            count: min(Int(controlCount), ReceivedDatagram.controlRoom)
        )
    }
}

/// What the control messages of a receive say: how it was coalesced, and its traffic class.
private struct ControlMessages {
    /// The value of UDP_GRO, or 0.
    private(set) var segmentSize = 0
    /// The value of IP_TOS or IPV6_TCLASS, or 0.
    private(set) var trafficClass: UInt8 = 0

    /// Reads `count` bytes, which are there.
    @unsafe
    @inline(__always)
    init(_ start: UnsafeRawPointer, count: Int) {
        var offset = 0
        // A cmsghdr is a length of 8 bytes, a level and a type of 4; values are padded to 8.
        while count &- offset >= 16 {
            let message = unsafe start + offset
            // SAFETY: the loop's condition.
            let size = unsafe message.loadUnaligned(as: UInt.self)
            guard size >= 16, size <= UInt(count &- offset) else { return }
            unsafe read(message, valueCount: size &- 16)
            offset &+= (Int(size) &+ 7) & ~7
        }
    }

    /// Reads a message with a value of `valueCount` bytes, all of which are there.
    @unsafe
    private mutating func read(_ message: UnsafeRawPointer, valueCount: UInt) {
        // SAFETY: the caller's promise, and the counts of the values.
        let level = unsafe message.loadUnaligned(fromByteOffset: 8, as: Int32.self)
        let type = unsafe message.loadUnaligned(fromByteOffset: 12, as: Int32.self)
        if level == Int32(IPPROTO_IP), type == IP_TOS, valueCount >= 1 {
            unsafe trafficClass = message.load(fromByteOffset: 16, as: UInt8.self)
        } else if level == Int32(SOL_UDP), type == UDP_GRO, valueCount >= 4 {
            let size = unsafe message.loadUnaligned(fromByteOffset: 16, as: Int32.self)
            segmentSize = max(0, Int(size))
        } else if level == Int32(IPPROTO_IPV6), type == IPV6_TCLASS, valueCount >= 4 {
            let value = unsafe message.loadUnaligned(fromByteOffset: 16, as: Int32.self)
            trafficClass = UInt8(truncatingIfNeeded: value)
        }
    }
}
