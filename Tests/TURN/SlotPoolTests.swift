import Testing

@testable import TURN

@Suite("Slot pool, relay map, command queue")
struct SlotPoolTests {
    @Test func takesEachPlaceOnceAndReusesIt() {
        var pool = SlotPool<Int>(capacity: 3)
        var taken: [Slot<Int>] = []
        for value in 0..<3 { taken.append(pool.take(value) ?? .none) }
        #expect(Set(taken).count == 3)
        #expect(pool.take(9) == nil)
        #expect(pool.isFull == true)
        #expect(taken.map { pool[$0] } == [0, 1, 2])
        pool.giveBack(taken[1])
        pool[taken[2]] += 10
        #expect(pool.take(7) == taken[1])
        #expect(taken.map { pool[$0] } == [0, 7, 12])
        #expect(pool.count == 3)
    }

    @Test func relaysOutOfRangeHaveNoAllocation() {
        var map = RelayMap(limit: 4)
        #expect(map[RelayIndex(rawValue: 3)] == nil)
        map.set(RelayIndex(rawValue: 3), to: Slot(rawValue: 0))
        #expect(map[RelayIndex(rawValue: 3)] == Slot(rawValue: 0))
        #expect(map[RelayIndex(rawValue: 4)] == nil)
        #expect(map[RelayIndex(rawValue: .max)] == nil)
        map.set(RelayIndex(rawValue: 3), to: .none)
        #expect(map[RelayIndex(rawValue: 3)] == nil)
    }

    @Test func commandsComeOutInOrder() {
        var queue = CommandQueue(capacity: 3)
        var expected: [UInt32] = []
        var seen: [UInt32] = []
        for number in UInt32(0)..<10 {
            queue.append(
                .close(relay: RelayIndex(rawValue: number), userTag: 0, isLast: true, client: .none)
            )
            expected.append(number)
            guard number % 3 == 2, case .close(let first, _, _, _) = queue.next(),
                case .close(let second, _, _, _) = queue.next()
            else { continue }
            seen += [first.rawValue, second.rawValue]
            while case .close(let relay, _, _, _) = queue.next() { seen.append(relay.rawValue) }
        }
        while case .close(let relay, _, _, _) = queue.next() { seen.append(relay.rawValue) }
        #expect(seen == expected)
        #expect(queue.next() == nil)
    }
}
