/// A bounded queue from all threads to one: an element, and bytes that go with it.

import Synchronization

/// A ring of fixed capacity with many senders and a single receiver.
///
/// Nobody ever waits. Each place has a number that tells whose turn it is: its position when it is free, one more when
/// it is filled, and the position of the next round when the receiver has left it. (After D. Vyukov's bounded queue.)
@safe
public final class Parcels<Element: BitwiseCopyable & Sendable>: @unchecked Sendable {
    /// The most bytes that go with an element.
    public let byteLimit: Int

    private let capacity: UInt64
    private let turns: AtomicArray<UInt64>
    private let sent = AtomicArray<UInt64>(count: 1)
    /// Written by the receiver only.
    private let received = AtomicArray<UInt64>(count: 1)
    private let places: UnsafeMutablePointer<(element: Element, byteCount: Int)>
    private let bytes: UnsafeMutableRawPointer

    /// Makes a queue for `capacity` elements with at most `byteLimit` bytes each; memory that is not used costs nothing.
    public init(capacity: Int, byteLimit: Int) {
        precondition(capacity > 1 && capacity <= 1 << 16 && byteLimit > 0)
        self.capacity = UInt64(capacity)
        self.byteLimit = byteLimit
        turns = AtomicArray(count: capacity)
        for place in 0..<capacity { turns[place].store(UInt64(place), ordering: .relaxed) }
        unsafe places = .allocate(capacity: capacity)
        unsafe bytes = .allocate(byteCount: capacity * byteLimit, alignment: 16)
    }

    deinit {
        // Elements are bitwise copyable, and the last owner is gone: nothing to destroy, nobody looks.
        unsafe places.deallocate()
        unsafe bytes.deallocate()
    }

    /// Puts an element and a copy of its bytes at the end, from any thread; false when there is no room.
    public func send(_ element: Element, _ content: RawSpan) -> Bool {
        if content.byteCount > byteLimit { return false }
        var position = sent[0].load(ordering: .relaxed)
        while true {
            let place = Int(position % capacity)
            let turn = turns[place].load(ordering: .acquiring)
            // The receiver has not left the place since the last round.
            if turn < position { return false }
            if turn == position {
                let (isOurs, seen) = sent[0].weakCompareExchange(
                    expected: position,
                    desired: position &+ 1,
                    ordering: .relaxed
                )
                if isOurs { break }
                position = seen
            } else {
                position = sent[0].load(ordering: .relaxed)
            }
        }
        fill(Int(position % capacity), element, content)
        turns[Int(position % capacity)].store(position &+ 1, ordering: .releasing)
        return true
    }

    private func fill(_ place: Int, _ element: Element, _ content: RawSpan) {
        // The place is below the capacity and this thread's alone until its turn is stored; the bytes were counted.
        unsafe content.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            unsafe (bytes + place * byteLimit).copyMemory(from: start, byteCount: source.count)
        }
        unsafe (places + place).initialize(to: (element, content.byteCount))
    }

    /// Lends the oldest element and its bytes; false when there is none; only for the receiving thread.
    public func receive(_ body: (Element, RawSpan) -> Void) -> Bool {
        let position = received[0].load(ordering: .relaxed)
        let place = Int(position % capacity)
        if turns[place].load(ordering: .acquiring) != position &+ 1 { return false }
        // The place is below the capacity, and its sender has filled it; nobody touches it until its turn is stored.
        let (element, byteCount) = unsafe places[place]
        let content = unsafe RawSpan(
            _unsafeStart: bytes + place * byteLimit,
            byteCount: byteCount
        )
        body(element, content)
        turns[place].store(position &+ capacity, ordering: .releasing)
        received[0].store(position &+ 1, ordering: .relaxed)
        return true
    }
}
