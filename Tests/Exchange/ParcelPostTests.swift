/// Parcels: bounds, and each freed once, whoever holds it last.

import Exchange
import Synchronization
import Testing

@Suite struct ParcelPostTests {
    private final class Counted: Sendable {
        static let live = Atomic<Int>(0)
        init() { Self.live.add(1, ordering: .relaxed) }
        deinit { Self.live.subtract(1, ordering: .relaxed) }
    }

    @Test func bringsEachToItsReceiverAndFreesAll() {
        do {
            let post = ParcelPost<(Int, Counted)>(threads: 3, capacity: 2)
            #expect(post.send((1, Counted()), from: 0, to: 1))
            #expect(post.send((2, Counted()), from: 0, to: 1))
            #expect(!post.send((3, Counted()), from: 0, to: 1))
            #expect(post.send((4, Counted()), from: 2, to: 1))
            #expect(Counted.live.load(ordering: .relaxed) == 3)
            #expect(post.receive(at: 2, from: 0) == nil)
            #expect(post.receive(at: 1, from: 0)?.0 == 1)
            #expect(post.receive(at: 1, from: 2)?.0 == 4)
            #expect(Counted.live.load(ordering: .relaxed) == 1)
        }
        #expect(Counted.live.load(ordering: .relaxed) == 0)
    }
}
