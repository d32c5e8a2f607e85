/// How many allocations there may be, in total and for each user, over all relay threads (RFC 8656 section 7.2: 486).

import Synchronization

/// Counts allocations against two limits.
///
/// A user is a 64-bit tag (a keyed hash of the name). An entry packs 48 bits of the tag with a count of 16 bits, and
/// lies in one of the `window` entries that begin at the one the tag points to. An entry whose count falls to zero
/// is free. Racing threads may give one user two entries for a while: what counts is their sum.
public final class Quota: Sendable {
    /// The largest limit for one user.
    public static let perUserMaximum = 65_535
    private static let window = 32

    private let totalLimit: UInt64
    private let perUserLimit: UInt64
    private let total = AtomicArray<UInt64>(count: 1)
    private let users: AtomicArray<UInt64>

    /// Makes an unused quota.
    ///
    /// - Parameters:
    ///   - total: How many allocations there may be in all; 0 is no limit.
    ///   - perUser: How many one user may have, at most `perUserMaximum`; 0 is no limit.
    public init(total: Int, perUser: Int) {
        precondition(total >= 0 && perUser >= 0 && perUser <= Self.perUserMaximum)
        totalLimit = total == 0 ? .max : UInt64(total)
        perUserLimit = UInt64(perUser)
        users = AtomicArray(count: Self.entries(total: total, perUser: perUser))
    }

    /// Counts one more allocation; false, and nothing counted, when a limit is reached.
    ///
    /// Threads that race for a user's last allocation may all be refused; they never all get it.
    ///
    /// - Parameter userTag: Whose allocation it is; 0 is nobody's, and counts in the total only.
    /// - Returns: Whether the allocation may be made.
    public func charge(userTag: UInt64) -> Bool {
        let (_, after) = total[0].add(1, ordering: .relaxed)
        if after <= totalLimit && chargeUser(userTag) { return true }
        total[0].subtract(1, ordering: .relaxed)
        return false
    }

    /// Counts one allocation less, which had been charged to the same tag.
    public func release(userTag: UInt64) {
        total[0].subtract(1, ordering: .relaxed)
        releaseUser(userTag)
    }

    /// How many allocations are charged now.
    public var charged: UInt64 { total[0].load(ordering: .relaxed) }

    /// Four entries for each allocation that there can be, so that a window is never full in practice.
    private static func entries(total: Int, perUser: Int) -> Int {
        if perUser == 0 { return window }
        let wanted = 4 * (total == 0 ? 65_536 : min(total, 1 << 20))
        var rounded = 1024
        while rounded < wanted { rounded *= 2 }
        return rounded
    }

    private func chargeUser(_ userTag: UInt64) -> Bool {
        if perUserLimit == 0 || userTag == 0 { return true }
        let tag = entryTag(userTag)
        // First count, then look: of two racing threads at least one sees the sum above the limit.
        guard increment(tag) else { return false }
        if count(of: tag) <= perUserLimit { return true }
        releaseUser(userTag)
        return false
    }

    private func releaseUser(_ userTag: UInt64) {
        if perUserLimit == 0 || userTag == 0 { return }
        let tag = entryTag(userTag)
        // Racing threads may move the user's last allocation to an entry already passed: then it is found again.
        for _ in 0..<8 {
            if decrement(tag) { return }
        }
        assertionFailure("an allocation was given back that had not been charged")
    }

    private func decrement(_ tag: UInt64) -> Bool {
        for step in 0..<Self.window {
            let index = position(of: tag, step)
            var entry = users[index].load(ordering: .relaxed)
            while entry & tagMask == tag {
                let desired = entry & countMask == 1 ? 0 : entry - 1
                if exchange(index, &entry, desired) { return true }
            }
        }
        return false
    }

    private func increment(_ tag: UInt64) -> Bool {
        for step in 0..<Self.window {
            let index = position(of: tag, step)
            var entry = users[index].load(ordering: .relaxed)
            while entry & tagMask == tag && entry & countMask != countMask {
                if exchange(index, &entry, entry + 1) { return true }
            }
        }
        for step in 0..<Self.window {
            var entry: UInt64 = 0
            if exchange(position(of: tag, step), &entry, tag | 1) { return true }
        }
        return false
    }

    private func count(of tag: UInt64) -> UInt64 {
        var sum: UInt64 = 0
        for step in 0..<Self.window {
            let entry = users[position(of: tag, step)].load(ordering: .sequentiallyConsistent)
            if entry & tagMask == tag { sum += entry & countMask }
        }
        return sum
    }

    private func exchange(_ index: Int, _ entry: inout UInt64, _ desired: UInt64) -> Bool {
        let (exchanged, original) = users[index].compareExchange(
            expected: entry,
            desired: desired,
            ordering: .sequentiallyConsistent
        )
        entry = original
        return exchanged
    }

    private func entryTag(_ userTag: UInt64) -> UInt64 {
        let tag = userTag & tagMask
        return tag == 0 ? 1 << 16 : tag
    }

    private func position(of tag: UInt64, _ step: Int) -> Int {
        (Int(truncatingIfNeeded: tag >> 16) &+ step) & (users.count - 1)
    }
}

private let countMask: UInt64 = 0xFFFF
private let tagMask: UInt64 = ~0xFFFF
