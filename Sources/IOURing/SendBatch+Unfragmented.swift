internal import CLiburing
internal import Glibc

/// Sends that may not be fragmented (RFC 8656 11.2, DONT-FRAGMENT).
///
/// Linux has DF as an option of the socket only (`IP_MTU_DISCOVER`); no control message sets it for one
/// datagram. So such a datagram leaves by a system call of its own, with the option set before and taken back
/// after. Nothing else can leave with it set: the ring sends only inside its own system call, and on this
/// thread. That costs three system calls, for what a client asks for only while it looks for the path's MTU.
extension SendBatch {
    /// Sends at once, with DF, what ``nextPending()`` gave; all that was to leave before has left.
    ///
    /// - Returns: what a completion's result would be: bytes, or a negative errno; `EMSGSIZE` when the
    ///   datagram is larger than the path.
    public mutating func sendUnfragmented(
        _ index: SlotIndex,
        from socket: borrowing DatagramSocket
    ) -> Int32 {
        let family = slotFamily(of: index)
        do throws(Errno) {
            try socket.setFragmentation(true, family: family)
        } catch {
            return 0 - error.rawValue
        }
        let result = sendAtOnce(index, from: socket)
        // What could be set can be taken back.
        try? socket.setFragmentation(false, family: family)
        return result
    }

    /// Sends once more, at once, what the kernel refused for an error that was not its own.
    ///
    /// - Returns: what a completion's result would be.
    public mutating func sendAgain(
        _ index: SlotIndex,
        from socket: borrowing DatagramSocket
    ) -> Int32 {
        isDontFragment(index)
            ? sendUnfragmented(index, from: socket) : sendAtOnce(index, from: socket)
    }

    private mutating func sendAtOnce(
        _ index: SlotIndex,
        from socket: borrowing DatagramSocket
    ) -> Int32 {
        // SAFETY: the batch keeps the message until its completion, and the kernel reads it in the call.
        let count = unsafe sendmsg(
            socket.descriptor,
            message(of: index),
            Int32(MSG_DONTWAIT | MSG_NOSIGNAL)
        )
        return count >= 0 ? Int32(clamping: count) : 0 - Errno.last.rawValue
    }
}
