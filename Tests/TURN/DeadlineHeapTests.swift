import Testing

@testable import TURN

@Suite("Deadline heap")
struct DeadlineHeapTests {
    private func at(_ nanoseconds: UInt64) -> Instant { Instant(nanoseconds: nanoseconds) }

    @Test func theEarliestDeadlineIsOnTop() {
        var heap = DeadlineHeap(capacity: 4)
        #expect(heap.top == nil)
        heap.set(0, to: at(30))
        heap.set(1, to: at(10))
        heap.set(2, to: at(20))
        #expect(heap.top?.slot == 1)
        #expect(heap.top?.deadline == at(10))
        heap.set(1, to: at(40))
        #expect(heap.top?.slot == 2)
        heap.remove(2)
        #expect(heap.top?.slot == 0)
        #expect(heap.deadline(of: 2) == nil)
        #expect(heap.deadline(of: 1) == at(40))
    }

    @Test func removingASlotWithoutADeadlineDoesNothing() {
        var heap = DeadlineHeap(capacity: 2)
        heap.remove(1)
        heap.set(0, to: at(1))
        heap.remove(1)
        #expect(heap.count == 1)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func agreesWithAScanThroughRandomChanges(seed: UInt64) {
        let capacity = 64
        var heap = DeadlineHeap(capacity: capacity)
        var model = [UInt64?](repeating: nil, count: capacity)
        var state = seed
        for _ in 0..<20_000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let slot = Int(state >> 58)
            let deadline = state >> 32 & 0xff
            if state >> 20 & 3 == 0 {
                heap.remove(slot)
                model[slot] = nil
            } else {
                heap.set(slot, to: at(deadline))
                model[slot] = deadline
            }
            #expect(heap.count == model.count { $0 != nil })
            #expect(heap.top?.deadline.nanoseconds == model.compactMap { $0 }.min())
            #expect(heap.deadline(of: slot)?.nanoseconds == model[slot])
        }
    }

    @Test func aSlotOutsideTheHeapIsOurBugAndTraps() async {
        await #expect(processExitsWith: .failure) {
            var heap = DeadlineHeap(capacity: 2)
            heap.set(2, to: Instant(nanoseconds: 1))
        }
    }
}
