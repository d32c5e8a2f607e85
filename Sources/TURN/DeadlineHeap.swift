/// The deadlines of slots `0..<capacity`, earliest first, in memory of its own.
///
/// An indexed binary heap: setting, moving and removing a slot's deadline cost a few steps, the earliest is
/// read for free, and nothing is allocated after `init`.
///
/// Safe to use because the pointers are private, live exactly as long as their only owner, and every slot
/// and position is checked before use.
@safe public struct DeadlineHeap: ~Copyable {
    private struct Entry: BitwiseCopyable {
        var deadline: Instant
        var slot: UInt32
    }

    /// The heap proper: entries `0..<count`, each not later than its children at `2i + 1` and `2i + 2`.
    private let entries: UnsafeMutablePointer<Entry>
    /// For each slot: its position in `entries` plus 1, or 0 when it has no deadline.
    private let positions: UnsafeMutablePointer<UInt32>

    /// The number of slots.
    public let capacity: Int

    /// The slots that have a deadline.
    public private(set) var count = 0

    /// A heap in which no slot has a deadline.
    public init(capacity: Int) {
        precondition(capacity > 0 && capacity < UInt32.max, "slots are counted in 32 bits")
        self.capacity = capacity
        unsafe entries = .allocate(capacity: capacity)
        unsafe positions = .allocate(capacity: capacity)
        // Safe: `capacity` words were allocated on the line above.
        unsafe positions.initialize(repeating: 0, count: capacity)
    }

    deinit {
        // Safe: both were allocated in `init`, and hold plain bits without a destructor.
        unsafe entries.deallocate()
        // Safe: as above.
        unsafe positions.deallocate()
    }

    /// The slot with the earliest deadline, and that deadline.
    public var top: (slot: Int, deadline: Instant)? {
        guard count > 0 else { return nil }
        // Safe: there is an entry at 0.
        let entry = unsafe entries[0]
        return (Int(entry.slot), entry.deadline)
    }

    /// The deadline of `slot`, if it has one.
    public func deadline(of slot: Int) -> Instant? {
        guard let position = position(of: slot) else { return nil }
        // Safe: `position(of:)` returns positions of the heap.
        return unsafe entries[position].deadline
    }

    /// Gives `slot` a deadline, in place of an older one.
    public mutating func set(_ slot: Int, to deadline: Instant) {
        let entry = Entry(deadline: deadline, slot: UInt32(truncatingIfNeeded: slot))
        if let position = position(of: slot) {
            settle(entry, at: position)
        } else {
            // Slots are distinct and each is in the heap once, so there is room for this one.
            count += 1
            settle(entry, at: count - 1)
        }
    }

    /// Takes away the deadline of `slot`; nothing happens when it has none.
    public mutating func remove(_ slot: Int) {
        guard let position = position(of: slot) else { return }
        count -= 1
        // Safe: `slot` was checked by `position(of:)`.
        unsafe positions[slot] = 0
        guard position < count else { return }
        // Safe: `count` is the position of the entry that was last, still initialised.
        settle(unsafe entries[count], at: position)
    }

    private func position(of slot: Int) -> Int? {
        precondition(slot >= 0 && slot < capacity, "not a slot of this heap")
        // Safe: checked on the line above.
        let stored = unsafe positions[slot]
        return stored == 0 ? nil : Int(stored) - 1
    }

    /// Places `entry` at `position`, or above or below it where order asks for that.
    private mutating func settle(_ entry: Entry, at position: Int) {
        let raised = raise(entry, from: position)
        sink(entry, from: raised)
    }

    /// Moves later parents down; returns the free position, at which `entry` is not yet stored.
    private mutating func raise(_ entry: Entry, from position: Int) -> Int {
        var position = position
        while position > 0 {
            let parent = (position - 1) / 2
            // Safe: a parent's position is below its child's.
            let above = unsafe entries[parent]
            guard entry.deadline < above.deadline else { break }
            place(above, at: position)
            position = parent
        }
        return position
    }

    /// Moves earlier children up, then stores `entry`.
    private mutating func sink(_ entry: Entry, from position: Int) {
        var position = position
        while let child = earlierChild(of: position) {
            // Safe: `earlierChild` returns positions of the heap.
            let below = unsafe entries[child]
            guard below.deadline < entry.deadline else { break }
            place(below, at: position)
            position = child
        }
        place(entry, at: position)
    }

    private func earlierChild(of position: Int) -> Int? {
        let left = 2 * position + 1
        guard left < count else { return nil }
        let right = left + 1
        // Safe: both are below `count` where they are read.
        let isRightEarlier =
            unsafe right < count && entries[right].deadline < entries[left].deadline
        return isRightEarlier ? right : left
    }

    private mutating func place(_ entry: Entry, at position: Int) {
        // Safe: callers pass positions below `count`, which is at most `capacity`.
        unsafe (entries + position).initialize(to: entry)
        // Safe: slots of entries were checked when they were set.
        unsafe positions[Int(entry.slot)] = UInt32(truncatingIfNeeded: position + 1)
    }
}

// Sendable: the heap owns its memory alone; handing it to another thread hands over both.
extension DeadlineHeap: @unchecked Sendable {}
