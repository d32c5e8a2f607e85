/// A fixed number of places for plain values, in memory of its own.

/// The number of a place in a `SlotPool` of `Element`s.
struct Slot<Element: BitwiseCopyable>: Hashable, BitwiseCopyable {
    /// The place, or `UInt32.max` for none.
    let rawValue: UInt32

    /// The place numbered `rawValue`.
    init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// No place.
    static var none: Slot { Slot(rawValue: .max) }

    /// Whether it is a place at all.
    var isSome: Bool { rawValue != .max }

    /// The place as an index.
    var index: Int { Int(rawValue) }
}

/// Places for `Element`s: taken and given back in constant time, never moved, never allocated after `init`.
///
/// A place that was never taken is never touched, so room that is not used costs no resident memory.
///
/// Safe to use because the pointers are private, live exactly as long as their only owner, and every slot is
/// checked against the places that were ever taken, which are the initialised ones.
@safe struct SlotPool<Element: BitwiseCopyable>: ~Copyable {
    private let elements: UnsafeMutablePointer<Element>
    /// For a free place: the next free one.
    private let links: UnsafeMutablePointer<Slot<Element>>
    private var firstFree = Slot<Element>.none
    /// Places below this were taken at least once.
    private(set) var touched = 0

    /// The number of places.
    let capacity: Int

    /// The places taken now.
    private(set) var count = 0

    init(capacity: Int) {
        precondition(capacity > 0 && capacity < UInt32.max, "slots are counted in 32 bits")
        self.capacity = capacity
        unsafe elements = .allocate(capacity: capacity)
        unsafe links = .allocate(capacity: capacity)
    }

    deinit {
        // Safe: both were allocated in `init`, and hold plain bits without a destructor.
        unsafe elements.deallocate()
        // Safe: as above.
        unsafe links.deallocate()
    }

    /// Whether no place is left.
    var isFull: Bool { count == capacity }

    /// A place that now holds `element`, or nil if all are taken.
    mutating func take(_ element: Element) -> Slot<Element>? {
        guard count < capacity else { return nil }
        count += 1
        let slot: Slot<Element>
        if firstFree.isSome {
            slot = firstFree
            // Safe: slots in the free list were taken once, so they are below `touched` and linked.
            firstFree = unsafe links[slot.index]
        } else {
            slot = Slot(rawValue: UInt32(truncatingIfNeeded: touched))
            touched += 1
        }
        // Safe: the slot is below `touched`, which is at most `capacity`.
        unsafe (elements + slot.index).initialize(to: element)
        return slot
    }

    /// Gives `slot` back, which the caller holds and now forgets.
    mutating func giveBack(_ slot: Slot<Element>) {
        precondition(slot.index < touched, "only a place that was taken is given back")
        // Safe: checked on the line above.
        unsafe (links + slot.index).initialize(to: firstFree)
        firstFree = slot
        count -= 1
    }

    /// The element in `slot`.
    subscript(slot: Slot<Element>) -> Element {
        _read {
            precondition(slot.index < touched, "not a place that was taken")
            // Safe: checked on the line above, and all below `touched` are initialised.
            yield unsafe elements[slot.index]
        }
        _modify {
            precondition(slot.index < touched, "not a place that was taken")
            // Safe: as above.
            yield unsafe &elements[slot.index]
        }
    }
}

// Sendable: the pool owns its memory alone; handing it to another thread hands over both.
extension SlotPool: @unchecked Sendable {}
