/// What is still to happen, ordered by time and, at one instant, by the order in which it was planned.
struct EventQueue<Event> {
    private struct Entry {
        let time: Nanoseconds
        let order: UInt64
        let event: Event

        func isBefore(_ other: Entry) -> Bool { (time, order) < (other.time, other.order) }
    }

    private var heap: [Entry] = []
    private var planned: UInt64 = 0

    /// When the next event happens.
    var nextTime: Nanoseconds? { heap.first?.time }

    mutating func plan(_ event: Event, at time: Nanoseconds) {
        planned += 1
        heap.append(Entry(time: time, order: planned, event: event))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].isBefore(heap[parent]) else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes the earliest event.
    mutating func next() -> (time: Nanoseconds, event: Event)? {
        guard let last = heap.popLast() else { return nil }
        guard let first = heap.first else { return (last.time, last.event) }
        heap[0] = last
        var parent = 0
        while true {
            var least = 2 * parent + 1
            guard least < heap.count else { break }
            if least + 1 < heap.count, heap[least + 1].isBefore(heap[least]) { least += 1 }
            guard heap[least].isBefore(heap[parent]) else { break }
            heap.swapAt(least, parent)
            parent = least
        }
        return (first.time, first.event)
    }
}
