internal import CLiburing
internal import Glibc

/// What a send puts on the wire, read from what the kernel would read.
public struct WireImage: Hashable, Sendable {
    /// The registered file it leaves from.
    public let socket: UInt32
    /// Where it goes.
    public let destination: SocketAddress
    /// One array a datagram, in order.
    public let datagrams: [[UInt8]]
}

extension SendBatch {
    /// The datagrams of a send that is pending or under way; for tests and simulators.
    public func wireImage(of index: SlotIndex) -> WireImage {
        // SAFETY: the batch holds the message; its pieces lie in buffers that the slot retains.
        let message = unsafe message(of: index).pointee
        let bytes = unsafe Self.gather(message)
        let segmentSize = unsafe Self.segmentSize(of: message)
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

    /// The value of the UDP_SEGMENT control message; it is the only one there can be.
    @unsafe
    private static func segmentSize(of message: msghdr) -> Int? {
        guard unsafe message.msg_controllen > 0 else { return nil }
        let size = unsafe message.msg_control.load(fromByteOffset: 16, as: UInt16.self)
        return Int(size)
    }

    @unsafe
    private func destination(of message: msghdr) -> SocketAddress? {
        let count = unsafe Int(message.msg_namelen)
        let bytes = unsafe UnsafeRawBufferPointer(start: message.msg_name, count: count)
        return unsafe SocketAddress(kernelForm: bytes.bytes, at: 0, count: count)
    }
}
