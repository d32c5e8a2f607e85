internal import CLiburing
internal import CLinux
internal import Glibc

/// What a relay thread asks of the kernel for streams; the same rules as for datagrams.
extension Ring {
    /// Accepts every connection of a registered listening socket; each completion brings a descriptor.
    ///
    /// Ends with an error, `EMFILE` among others; the caller arms it again.
    public mutating func armAccept(file: UInt32, token: Token) -> Bool {
        guard let entry = unsafe nextEntry() else { return false }
        let flags = Int32(turnpike_accepted_socket)
        // SAFETY: a free entry; no address is asked for.
        unsafe io_uring_prep_multishot_accept(entry, Int32(bitPattern: file), nil, nil, flags)
        unsafe entry.pointee.flags = EntryFlag.fixedFile
        unsafe entry.pointee.user_data = token.rawValue
        return true
    }

    /// Receives the bytes of a registered stream, up to the completion that says no more follow.
    ///
    /// The buffers hold nothing but the stream's bytes. A result of 0 is the stream's end.
    public mutating func armStreamReceive(file: UInt32, token: Token) -> Bool {
        guard let entry = unsafe nextEntry() else { return false }
        // SAFETY: a free entry; the kernel takes the buffers from the ring of buffers.
        unsafe io_uring_prep_recv_multishot(entry, Int32(bitPattern: file), nil, 0, 0)
        unsafe entry.pointee.flags = EntryFlag.fixedFile | EntryFlag.bufferSelect
        unsafe entry.pointee.buf_group = receiveGroup
        unsafe entry.pointee.user_data = token.rawValue
        return true
    }

    /// Receives once from a registered stream, at most `limit` bytes; what does not fit stays with the kernel.
    ///
    /// The buffer holds nothing but the stream's bytes. A result of 0 is the stream's end.
    public mutating func prepareStreamReceive(file: UInt32, limit: Int, token: Token) -> Bool {
        precondition(limit > 0)
        guard let entry = unsafe nextEntry() else { return false }
        // SAFETY: a free entry; the kernel takes the buffer from the ring of buffers, and no more of it than it has.
        unsafe io_uring_prep_recv(entry, Int32(bitPattern: file), nil, limit, 0)
        unsafe entry.pointee.flags = EntryFlag.fixedFile | EntryFlag.bufferSelect
        unsafe entry.pointee.buf_group = receiveGroup
        unsafe entry.pointee.user_data = token.rawValue
        return true
    }

    /// Sends a range of a buffer, which stays as it is until the completion, on a stream.
    ///
    /// As with datagrams the kernel sends while it takes the submission: the completion says how much fitted, or
    /// `EAGAIN`; ``armWritable(file:token:)`` says when to go on.
    ///
    /// Where the send is awaited, its completion ends a wait; that of a datagram's send never does.
    public mutating func prepareStreamSend(
        _ range: Range<Int>,
        of buffer: BufferIndex,
        in pool: inout BufferPool,
        file: UInt32,
        token: Token,
        isAwaited: Bool
    ) -> Bool {
        precondition(range.lowerBound >= 0 && range.upperBound <= pool.size)
        guard let entry = unsafe nextEntry() else { return false }
        // SAFETY: a free entry; the range is inside the buffer, which its holder keeps until the completion.
        let start = unsafe pool.address(buffer) + range.lowerBound
        unsafe io_uring_prep_send(
            entry,
            Int32(bitPattern: file),
            start,
            range.count,
            Int32(bitPattern: Self.sendFlags)
        )
        unsafe entry.pointee.flags = EntryFlag.fixedFile
        unsafe entry.pointee.user_data = token.rawValue
        if !isAwaited { unsubmittedSends &+= 1 }
        return true
    }

    /// Asks for one completion when a registered stream takes bytes again, or has ended.
    public mutating func armWritable(file: UInt32, token: Token) -> Bool {
        guard let entry = unsafe nextEntry() else { return false }
        // SAFETY: a free entry.
        unsafe io_uring_prep_poll_add(entry, Int32(bitPattern: file), UInt32(POLLOUT))
        unsafe entry.pointee.flags = EntryFlag.fixedFile
        unsafe entry.pointee.user_data = token.rawValue
        return true
    }
}
