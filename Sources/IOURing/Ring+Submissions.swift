internal import CLiburing
internal import Glibc

/// What a relay thread asks of the kernel. Each call fills in one entry of the submission queue; the
/// entries leave with the next `enter`, or earlier when the queue is full.
///
/// Each returns false when the kernel takes no submission now: the caller tries again after the next
/// pass, or counts a drop.
extension Ring {
    /// Receives every datagram of a registered socket, up to the completion that says no more follow.
    ///
    /// That one is an error: `ENOBUFS` when the buffer ring ran empty, `ECANCELED` after a cancel,
    /// or an error of the socket. Except after a cancel, the caller arms the receive again.
    public mutating func armReceive(file: UInt32, token: Token) -> Bool {
        guard let entry = unsafe nextEntry() else { return false }
        // SAFETY: a free entry; the message header lives as long as the ring.
        unsafe io_uring_prep_recvmsg_multishot(entry, Int32(bitPattern: file), receive, 0)
        unsafe entry.pointee.flags = EntryFlag.fixedFile | EntryFlag.bufferSelect
        unsafe entry.pointee.buf_group = receiveGroup
        unsafe entry.pointee.user_data = token.rawValue
        return true
    }

    /// Ends the submission that carries a token; it gets a final completion of its own.
    ///
    /// The cancellation itself has no completion, and to find nothing to cancel is no error.
    public mutating func cancel(token: Token) -> Bool {
        guard let entry = unsafe nextEntry() else { return false }
        // SAFETY: a free entry; the token is a number to the kernel.
        unsafe io_uring_prep_cancel64(entry, token.rawValue, 0)
        unsafe entry.pointee.flags = EntryFlag.skipSuccess
        unsafe entry.pointee.user_data = Token(kind: Token.ownKind, index: 0).rawValue
        return true
    }

    /// Asks for one completion when another thread signals the event; armed again by the caller.
    public mutating func armWake(_ event: WakeEvent, token: Token) -> Bool {
        guard let entry = unsafe nextEntry() else { return false }
        // SAFETY: a free entry; 8 bytes for the value live as long as the ring.
        unsafe io_uring_prep_read(entry, event.descriptor, wakeValue, 8, 0)
        unsafe entry.pointee.user_data = token.rawValue
        return true
    }

    /// Sends a slot of a batch, which outlives the send and keeps the slot until its completion.
    ///
    /// With `MSG_DONTWAIT` the kernel sends while it takes the submission: in order, and a full
    /// socket answers `EAGAIN` instead of sending later and out of order. The batch does not change; a
    /// borrowed one would be copied to be lent.
    public mutating func prepareSend(
        _ batch: inout SendBatch,
        slot: SlotIndex,
        token: Token
    ) -> Bool {
        guard let entry = unsafe nextEntry() else { return false }
        // SAFETY: a free entry; the batch keeps the message until its completion.
        let file = Int32(bitPattern: batch.socket(of: slot))
        unsafe io_uring_prep_sendmsg(entry, file, batch.message(of: slot), Self.sendFlags)
        unsafe entry.pointee.flags = EntryFlag.fixedFile
        unsafe entry.pointee.user_data = token.rawValue
        unsubmittedSends &+= 1
        return true
    }

    /// A free entry of the submission queue; submits what is there when it is full.
    @unsafe
    mutating func nextEntry() -> UnsafeMutablePointer<io_uring_sqe>? {
        if let entry = unsafe io_uring_get_sqe(ring) { return unsafe entry }
        submit()
        return unsafe io_uring_get_sqe(ring)
    }

    static var sendFlags: UInt32 {
        UInt32(bitPattern: Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
    }

    /// Submits everything filled in so far, without waiting and without making completions of receives.
    public mutating func submit() {
        let count = unsafe turnpike_ring_flush(ring)
        _ = unsafe turnpike_ring_submit(ring, count, enterFlags)
        unsubmittedSends = min(unsubmittedSends, unsafe turnpike_ring_flush(ring))
    }
}

/// Flags of a submission; the kernel's header spells them as bits of an enumeration.
enum EntryFlag {
    static var fixedFile: UInt8 { 1 << UInt8(IOSQE_FIXED_FILE_BIT) }
    static var bufferSelect: UInt8 { 1 << UInt8(IOSQE_BUFFER_SELECT_BIT) }
    static var skipSuccess: UInt8 { 1 << UInt8(IOSQE_CQE_SKIP_SUCCESS_BIT) }
}
