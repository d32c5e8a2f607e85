/// The counters of one relay thread: written by that thread alone, read by any other at any time.

import Synchronization

/// One atomic for each `RelayCounter`, on cache lines of its own.
///
/// There is a single writer, so that adding is a load and a store rather than a locked instruction. A reader sees
/// each value whole, but not all values of one moment.
public final class CounterBlock: Sendable {
    private let values = AtomicArray<UInt64>(count: RelayCounter.allCases.count)

    /// Makes a block in which everything is zero.
    public init() {}

    /// Adds to a counter; only for the thread that owns the block.
    public func add(_ counter: RelayCounter, _ amount: UInt64 = 1) {
        let old = values[counter.rawValue].load(ordering: .relaxed)
        values[counter.rawValue].store(old &+ amount, ordering: .relaxed)
    }

    /// Replaces a value; only for the thread that owns the block.
    public func set(_ counter: RelayCounter, to value: UInt64) {
        values[counter.rawValue].store(value, ordering: .relaxed)
    }

    /// The value now; any thread may ask.
    public func value(_ counter: RelayCounter) -> UInt64 {
        values[counter.rawValue].load(ordering: .relaxed)
    }
}

extension Sequence where Element == CounterBlock {
    /// The sum of one counter over several threads.
    public func total(_ counter: RelayCounter) -> UInt64 {
        reduce(0) { $0 &+ $1.value(counter) }
    }
}
