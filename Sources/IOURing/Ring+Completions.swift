internal import CLiburing

/// The end of a pass, and what it brought.
extension Ring {
    /// Submits everything, waits, and lets the kernel make its completions, in one system call.
    ///
    /// Does not wait while completions are left that were not taken.
    ///
    /// - Parameters:
    ///   - count: Completions worth waiting for, apart from those of the sends submitted here; 0 does
    ///     not wait at all.
    ///   - batchWaitMicroseconds: How long to gather `count` of them. After that, or with 0, the
    ///     first one ends the wait.
    ///   - timeoutNanoseconds: When to stop waiting in any case; `nil`: never; 0 does not wait at all.
    /// - Returns: `ETIME` when the wait brought nothing in time, `EINTR` after a signal, and else what
    ///   kept the kernel from taking submissions or from waiting (`EBUSY`, `EAGAIN`, `EBADR`): in each
    ///   case, take the completions there are and go on.
    public mutating func enter(
        waitFor count: Int,
        batchWaitMicroseconds: UInt32,
        timeoutNanoseconds: UInt64?
    ) -> Errno? {
        tail = unsafe turnpike_ring_completion_tail(ring)
        let sends = unsubmittedSends
        let isWaiting = count > 0 && head == tail && timeoutNanoseconds != 0
        let wanted = isWaiting ? UInt32(clamping: count) &+ sends : 0
        let error: Errno?
        if !isWaiting || batchWaitMicroseconds == 0 || count == 1 {
            let first = isWaiting ? sends &+ 1 : 0
            error = submitAndWait(first, gatherMicroseconds: 0, timeoutNanoseconds)
        } else if gathersInKernel {
            // Without a time of its own, the kernel would take the gathering time for the whole.
            let timeout = timeoutNanoseconds ?? Limits.longWaitNanoseconds
            error = submitAndWait(
                wanted,
                gatherMicroseconds: UInt32(
                    truncatingIfNeeded: min(UInt64(batchWaitMicroseconds), timeout / 1000)
                ),
                timeout
            )
        } else {
            error = gather(wanted, sends, batchWaitMicroseconds, timeoutNanoseconds)
        }
        tail = unsafe turnpike_ring_completion_tail(ring)
        isFull = isWaiting && tail &- head > wanted
        if unsafe turnpike_ring_has_overflowed(ring) { overflowCount &+= 1 }
        // The kernel answers how many it submitted, when it did, and not how the wait ended.
        return error ?? (isWaiting && head == tail ? .timedOut : nil)
    }

    /// The same on a kernel that does not gather: a short wait for many, then a long one for the first.
    private mutating func gather(
        _ wanted: UInt32,
        _ sends: UInt32,
        _ batchWaitMicroseconds: UInt32,
        _ timeoutNanoseconds: UInt64?
    ) -> Errno? {
        let short = UInt64(batchWaitMicroseconds) &* 1000
        let timeout = timeoutNanoseconds ?? .max
        guard short < timeout else {
            return submitAndWait(sends &+ 1, gatherMicroseconds: 0, timeoutNanoseconds)
        }
        let error = submitAndWait(wanted, gatherMicroseconds: 0, short)
        // SAFETY: the ring is set up.
        let came = unsafe turnpike_ring_completion_tail(ring) &- head
        guard came <= sends else { return nil }
        if let error, error != .timedOut { return error }
        let rest = timeoutNanoseconds.map { $0 &- short }
        return submitAndWait(came &+ 1, gatherMicroseconds: 0, rest)
    }

    private mutating func submitAndWait(
        _ minimum: UInt32,
        gatherMicroseconds: UInt32,
        _ timeoutNanoseconds: UInt64?
    ) -> Errno? {
        // SAFETY: the ring is set up; the timeout lives until the call returns.
        let submissions = unsafe turnpike_ring_flush(ring)
        let result: Int32
        if let timeoutNanoseconds {
            var timeout = __kernel_timespec(
                tv_sec: Int64(timeoutNanoseconds / 1_000_000_000),
                tv_nsec: Int64(timeoutNanoseconds % 1_000_000_000)
            )
            result = unsafe turnpike_ring_submit_and_wait(
                ring,
                submissions,
                minimum,
                enterFlags,
                gatherMicroseconds,
                &timeout
            )
        } else {
            result = unsafe turnpike_ring_submit_and_wait(
                ring,
                submissions,
                minimum,
                enterFlags,
                gatherMicroseconds,
                nil
            )
        }
        unsubmittedSends = min(unsubmittedSends, unsafe turnpike_ring_flush(ring))
        return Errno(result: result)
    }

    /// Whether there is something that was not taken yet.
    public var hasCompletions: Bool { head != tail }

    /// The next thing the kernel has done; `nil` when there is nothing more until the next `enter`.
    public mutating func nextCompletion() -> Completion? {
        while true {
            if head == tail {
                tail = unsafe turnpike_ring_completion_tail(ring)
                guard head != tail else { return nil }
            }
            // SAFETY: the kernel has written the completions before tail, and leaves this one alone
            // until the head moves past it; its fields are copied before that.
            let entry = unsafe turnpike_ring_completion(ring, head).pointee
            head &+= 1
            unsafe turnpike_ring_set_completion_head(ring, head)
            let completion = Completion(entry)
            if completion.token.kind != Token.ownKind { return completion }
        }
    }

    /// The next completion of one kind, ahead of those of other kinds that came before it.
    ///
    /// For a caller that has to finish one kind before it can take more of the others. Ask for one
    /// kind only between two calls of `enter`.
    public mutating func nextCompletion(ofKind kind: UInt8) -> Completion? {
        tail = unsafe turnpike_ring_completion_tail(ring)
        if Int32(bitPattern: searched &- head) < 0 { searched = head }
        while searched != tail {
            // SAFETY: as above. The completion stays in the queue, as one of the ring's own.
            let entry = unsafe turnpike_ring_completion(ring, searched).pointee
            defer { searched &+= 1 }
            let completion = Completion(entry)
            guard completion.token.kind == kind else { continue }
            let taken = Token(kind: Token.ownKind, index: 0)
            unsafe turnpike_ring_relabel_completion(ring, searched, taken.rawValue)
            return completion
        }
        return nil
    }

    /// Completions lost for good, because the kernel had no memory to keep them aside.
    public var lostCompletions: UInt32 {
        // SAFETY: the ring is set up.
        unsafe turnpike_ring_lost_completions(ring)
    }
}

extension Completion {
    fileprivate init(_ entry: io_uring_cqe) {
        let flags = entry.flags
        self.init(
            token: Token(rawValue: entry.user_data),
            result: entry.res,
            hasMore: flags & IORING_CQE_F_MORE != 0,
            buffer: flags & IORING_CQE_F_BUFFER != 0
                ? BufferIndex(rawValue: flags >> UInt32(IORING_CQE_BUFFER_SHIFT)) : nil
        )
    }
}
