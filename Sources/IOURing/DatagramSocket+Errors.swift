internal import CLinux
internal import Glibc

/// What became known about a datagram after it had left a socket.
public enum QueuedError: Hashable, Sendable {
    /// An ICMP message, of either version, about a datagram to `destination`; `information` is the MTU where
    /// the message tells one.
    case icmp(type: UInt8, code: UInt8, information: UInt32, destination: SocketAddress)
    /// This machine refused to send it, which the send has said already.
    case local
}

extension DatagramSocket {
    /// Takes the oldest error off the queue of a socket that was opened with `queuesErrors`; `nil` when none waits.
    ///
    /// Taking the last one clears the error that the next send or receive would answer.
    public func takeError() -> QueuedError? {
        var error = turnpike_queued_error()
        // SAFETY: the call writes the structure, before it returns.
        guard unsafe turnpike_take_error(descriptor, &error) == 0 else { return nil }
        guard error.is_icmp != 0 else { return .local }
        let count = min(Int(error.name_size), MemoryLayout.size(ofValue: error.name))
        let destination = unsafe withUnsafeBytes(of: &error.name) { name in
            // SAFETY: the bytes are there for as long as the closure runs.
            SocketAddress(kernelForm: unsafe name.bytes, count: count)
        }
        guard let destination else { return .local }
        return .icmp(
            type: error.type,
            code: error.code,
            information: error.info,
            destination: destination
        )
    }
}

extension Errno {
    /// Whether a socket with `queuesErrors` may answer this because of an ICMP message about an earlier datagram,
    /// to whatever destination.
    ///
    /// Answering it clears it, so a send that is made again is judged by itself.
    public var isPerhapsOfEarlierDatagram: Bool {
        switch rawValue {
        case ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ENOPROTOOPT, EOPNOTSUPP, EHOSTDOWN, ENONET,
            EMSGSIZE, EACCES, EPROTO:
            true
        default: false
        }
    }
}
