/// A bounded queue from one thread to one other: commands down to a relay thread, answers up from it.

import Synchronization

/// A ring of fixed capacity with a single sender and a single receiver.
///
/// Neither ever waits. The two positions only grow; each is written by one side and lives on cache lines of its own.
@safe
public final class Mailbox<Element: BitwiseCopyable & Sendable>: @unchecked Sendable {
    private let slots: UnsafeMutablePointer<Element>
    private let mask: UInt64
    /// How many elements were received; written by the receiver.
    private let received = AtomicArray<UInt64>(count: 1)
    /// How many elements were sent; written by the sender.
    private let sent = AtomicArray<UInt64>(count: 1)

    /// Makes a mailbox for `capacity` elements, rounded up to a power of two.
    public init(capacity: Int) {
        precondition(capacity > 0 && capacity <= 1 << 20)
        var rounded = 1
        while rounded < capacity { rounded *= 2 }
        mask = UInt64(rounded - 1)
        unsafe slots = UnsafeMutablePointer<Element>.allocate(capacity: rounded)
    }

    deinit {
        // Elements are bitwise copyable, and the last owner is gone: nothing to destroy, nobody looks.
        unsafe slots.deallocate()
    }

    /// Puts an element at the end; false when the mailbox is full; only for the sending thread.
    public func send(_ element: Element) -> Bool {
        let position = sent[0].load(ordering: .relaxed)
        if position &- received[0].load(ordering: .acquiring) > mask { return false }
        // The slot is inside the ring by the mask, and the receiver has left it: `received` passed it.
        unsafe (slots + Int(position & mask)).initialize(to: element)
        sent[0].store(position &+ 1, ordering: .releasing)
        return true
    }

    /// Takes the oldest element, nil when there is none; only for the receiving thread.
    public func receive() -> Element? {
        let position = received[0].load(ordering: .relaxed)
        if position == sent[0].load(ordering: .acquiring) { return nil }
        // The slot is inside the ring by the mask, and the sender has filled it: `sent` passed it.
        let element = unsafe slots[Int(position & mask)]
        received[0].store(position &+ 1, ordering: .releasing)
        return element
    }
}
