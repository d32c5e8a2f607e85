/// Connections that wait for their turn.

internal import IOURing
internal import TURN

/// A stack of connections with room for all of them; none is on it twice.
struct IndexStack: ~Copyable {
    private var indexes: MappedArray<UInt32>
    private(set) var count = 0

    init(capacity: Int) throws(Errno) { indexes = try MappedArray(count: capacity) }

    mutating func push(_ index: ConnectionIndex) {
        indexes[count] = index.rawValue
        count += 1
    }

    mutating func pop() -> ConnectionIndex? {
        if count == 0 { return nil }
        count -= 1
        return ConnectionIndex(rawValue: indexes[count])
    }
}

/// A queue of connections of fixed capacity, first in first out.
struct IndexQueue: ~Copyable {
    private var indexes: MappedArray<UInt32>
    private var first = 0
    private var count = 0

    init(capacity: Int) throws(Errno) { indexes = try MappedArray(count: capacity) }

    var isEmpty: Bool { count == 0 }

    /// - Returns: false when it is full.
    mutating func append(_ index: ConnectionIndex) -> Bool {
        if count == indexes.count { return false }
        indexes[(first + count) % indexes.count] = index.rawValue
        count += 1
        return true
    }

    mutating func takeFirst() -> ConnectionIndex? {
        if count == 0 { return nil }
        defer {
            first = (first + 1) % indexes.count
            count -= 1
        }
        return ConnectionIndex(rawValue: indexes[first])
    }
}
