/// A fixed number of atomics side by side: the storage behind everything two threads share.
///
/// This is the one place of `Exchange` that holds pointers to atomics. The memory starts and ends on a border of two
/// cache lines, so that neighbours on the heap cause no false sharing (processors prefetch lines in pairs).

import Synchronization

/// A fixed-size array of 64-bit or 32-bit atomics on the heap, aligned to a pair of cache lines.
@safe
struct AtomicArray<Value: AtomicRepresentable & FixedWidthInteger>: ~Copyable, @unchecked Sendable {
    /// How many elements there are.
    let count: Int
    private let elements: UnsafeMutablePointer<Atomic<Value>>

    /// Makes `count` atomics, all zero.
    init(count: Int) {
        precondition(count > 0)
        let size = count * MemoryLayout<Atomic<Value>>.stride
        let padded = (size + cacheLinePair - 1) / cacheLinePair * cacheLinePair
        let memory = UnsafeMutableRawPointer.allocate(byteCount: padded, alignment: cacheLinePair)
        unsafe elements = memory.bindMemory(to: Atomic<Value>.self, capacity: count)
        self.count = count
        for index in 0..<count {
            // `index` is below `count`, for which memory was just taken.
            unsafe (elements + index).initialize(to: Atomic(0))
        }
    }

    deinit {
        // The atomics are trivial; the owner going away means that no thread looks at them any more.
        unsafe elements.deallocate()
    }

    /// The atomic at `index`, which must be below `count`.
    subscript(index: Int) -> Atomic<Value> {
        unsafeAddress {
            precondition(index >= 0 && index < count)
            // Inside the memory that lives as long as `self`, by the check above.
            return unsafe UnsafePointer(elements + index)
        }
    }
}

/// Two lines of 64 bytes: what one processor may fetch because of another's write next door.
let cacheLinePair = 128
