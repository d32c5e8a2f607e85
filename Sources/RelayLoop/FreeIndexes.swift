/// Which relay indexes may be given out.

/// Free indexes, the one given back longest ago first.
///
/// A send of a closed socket that is still on its way finds its index unused rather than taken by the next.
struct FreeIndexes {
    private var indexes: [UInt32]
    private var first = 0
    private var count: Int

    /// All of `0..<count`.
    init(count: Int) {
        indexes = Array(0..<UInt32(count))
        self.count = count
    }

    var isEmpty: Bool { count == 0 }

    /// The index that `take` gives next.
    var next: UInt32? { count == 0 ? nil : indexes[first] }

    /// An index that nobody has; `nil` when there is none.
    mutating func take() -> UInt32? {
        if count == 0 { return nil }
        defer {
            first = (first + 1) % indexes.count
            count -= 1
        }
        return indexes[first]
    }

    /// Makes an index free that `take` gave.
    mutating func giveBack(_ index: UInt32) {
        indexes[(first + count) % indexes.count] = index
        count += 1
    }
}
