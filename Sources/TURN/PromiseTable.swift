/// Clients whose allocation another thread has, until they send data from here (RFC 8016 3.2.2).

/// A bounded memory of 5-tuples; the oldest is forgotten for the newest.
///
/// A client that is forgotten asks again with its ticket.
struct PromiseTable: ~Copyable, Sendable {
    private var threads: FlatTable<FiveTuple, UInt16>
    /// What was entered, in a ring; entries may be gone from the table.
    private var order: [FiveTuple] = []
    private var oldest = 0

    init(capacity: Int, hash: KeyedHash) {
        threads = FlatTable(capacity: capacity, hash: hash)
    }

    /// The thread that has the allocation of `fiveTuple`, if it is not this one.
    func thread(of fiveTuple: FiveTuple) -> UInt16? {
        threads.count == 0 ? nil : threads.value(of: fiveTuple)
    }

    /// Remembers that `thread` has the allocation of `fiveTuple`.
    mutating func set(_ fiveTuple: FiveTuple, to thread: UInt16) {
        if threads.remove(fiveTuple) == nil { makeRoom(for: fiveTuple) }
        _ = threads.insert(thread, for: fiveTuple)
    }

    /// Forgets a client.
    mutating func remove(_ fiveTuple: FiveTuple) {
        if threads.count > 0 { threads.remove(fiveTuple) }
    }

    private mutating func makeRoom(for fiveTuple: FiveTuple) {
        guard order.count == threads.capacity else { return order.append(fiveTuple) }
        threads.remove(order[oldest])
        order[oldest] = fiveTuple
        oldest = (oldest + 1) % order.count
    }
}
