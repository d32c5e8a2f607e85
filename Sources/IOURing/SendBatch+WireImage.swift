internal import CLiburing
internal import CLinux
internal import Glibc

/// What a send puts on the wire, read from what the kernel would read.
public struct WireImage: Hashable, Sendable {
    /// The registered file it leaves from.
    public let socket: UInt32
    /// Where it goes.
    public let destination: SocketAddress
    /// How the datagrams are marked.
    public let marks: PacketMarks
    /// One array a datagram, in order.
    public let datagrams: [[UInt8]]
}

extension SendBatch {
    /// The datagrams of a send that is pending or under way; for tests and simulators.
    public func wireImage(of index: SlotIndex) -> WireImage {
        // SAFETY: the batch holds the message; its pieces lie in buffers that the slot retains.
        let message = unsafe message(of: index).pointee
        let bytes = unsafe Self.gather(message)
        let segmentSize = unsafe Self.controlValue(of: message, Int32(SOL_UDP), UDP_SEGMENT)
        let trafficClass =
            unsafe Self.controlValue(of: message, Int32(IPPROTO_IP), IP_TOS)
            ?? Self.controlValue(of: message, Int32(IPPROTO_IPV6), IPV6_TCLASS)
        let destination = unsafe destination(of: message) ?? .any(.ipv4)
        var datagrams: [[UInt8]] = []
        if let segmentSize {
            for start in stride(from: 0, to: bytes.count, by: segmentSize) {
                datagrams.append(Array(bytes[start..<min(start + segmentSize, bytes.count)]))
            }
        } else {
            datagrams = [bytes]
        }
        return WireImage(
            socket: socket(of: index),
            destination: destination,
            marks: PacketMarks(
                trafficClass: UInt8(truncatingIfNeeded: trafficClass ?? 0),
                isDontFragment: isDontFragment(index)
            ),
            datagrams: datagrams
        )
    }

    @unsafe
    private static func gather(_ message: msghdr) -> [UInt8] {
        var bytes: [UInt8] = []
        for index in unsafe 0..<message.msg_iovlen {
            let vector = unsafe message.msg_iov[index]
            let piece = unsafe UnsafeRawBufferPointer(
                start: vector.iov_base,
                count: vector.iov_len
            )
            unsafe bytes.append(contentsOf: piece)
        }
        return bytes
    }

    /// The value of a control message; each has 24 bytes, value included.
    @unsafe
    private static func controlValue(
        of message: msghdr,
        _ level: Int32,
        _ type: Int32
    ) -> Int? {
        for offset in stride(from: 0, to: unsafe message.msg_controllen, by: 24) {
            let control = unsafe UnsafeRawBufferPointer(
                start: message.msg_control?.advanced(by: offset),
                count: 24
            )
            guard unsafe control.load(fromByteOffset: 8, as: Int32.self) == level,
                unsafe control.load(fromByteOffset: 12, as: Int32.self) == type
            else { continue }
            return Int(unsafe control.load(fromByteOffset: 16, as: UInt16.self))
        }
        return nil
    }

    @unsafe
    private func destination(of message: msghdr) -> SocketAddress? {
        let count = unsafe Int(message.msg_namelen)
        let bytes = unsafe UnsafeRawBufferPointer(start: message.msg_name, count: count)
        return unsafe SocketAddress(kernelForm: bytes.bytes, count: count)
    }
}
