/// Sends that wait to be given to the kernel, first in first out.
struct SlotQueue: ~Copyable {
    private var entries: MappedArray<UInt32>
    private let mask: Int
    private var head = 0
    private var tail = 0

    /// A queue with room for at least `capacity` sends.
    init(capacity: Int) throws(Errno) {
        var count = 1
        while count < capacity { count *= 2 }
        entries = try MappedArray(count: count)
        mask = count - 1
    }

    /// Adds a send; there is room, because a slot is pending once, or once for each datagram.
    mutating func append(_ index: SlotIndex) {
        precondition(tail &- head <= mask)
        entries[tail & mask] = index.rawValue
        tail &+= 1
    }

    /// Takes the send added first.
    mutating func takeFirst() -> SlotIndex? {
        guard head != tail else { return nil }
        defer { head &+= 1 }
        return SlotIndex(rawValue: entries[head & mask])
    }
}
