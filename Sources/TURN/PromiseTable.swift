/// Which other thread has an allocation: by its client, until he sends data from here (RFC 8016 3.2.2), or by its ticket.

/// A bounded memory of threads; the oldest is forgotten for the newest.
///
/// A client that is forgotten asks again with its ticket.
struct PromiseTable<Key: FlatTableKey & Sendable>: ~Copyable, Sendable {
    private var threads: FlatTable<Key, UInt16>
    /// What was entered, in a ring; entries may be gone from the table.
    private var order: [Key] = []
    private var oldest = 0

    init(capacity: Int, hash: KeyedHash) {
        threads = FlatTable(capacity: capacity, hash: hash)
    }

    /// The thread that has the allocation of `key`, if it is not this one.
    func thread(of key: Key) -> UInt16? {
        threads.count == 0 ? nil : threads.value(of: key)
    }

    /// Remembers that `thread` has the allocation of `key`.
    mutating func set(_ key: Key, to thread: UInt16) {
        if threads.remove(key) == nil { makeRoom(for: key) }
        _ = threads.insert(thread, for: key)
    }

    /// Forgets one.
    mutating func remove(_ key: Key) {
        if threads.count > 0 { threads.remove(key) }
    }

    private mutating func makeRoom(for key: Key) {
        guard order.count == threads.capacity else { return order.append(key) }
        threads.remove(order[oldest])
        order[oldest] = key
        oldest = (oldest + 1) % order.count
    }
}
