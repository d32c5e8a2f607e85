/// The counters: names, values, and a reader beside the writer.

import Exchange
import Testing

@Suite struct CounterBlockTests {
    @Test func namesAreSnakeCaseAndUnique() {
        let names = RelayCounter.allCases.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(RelayCounter.datagramsFromClients.name == "datagrams_from_clients")
        #expect(RelayCounter.dropsNotSTUN.name == "drops_not_stun")
        #expect(RelayCounter.dropsNotLiveRelayedPort.name == "drops_not_live_relayed_port")
        #expect(RelayCounter.passes.name == "passes")
    }

    @Test func addsSetsAndSums() {
        let first = CounterBlock()
        let second = CounterBlock()
        first.add(.sends, 3)
        first.add(.sends)
        second.set(.sends, to: 7)
        #expect(first.value(.sends) == 4)
        #expect([first, second].total(.sends) == 11)
        #expect(first.value(.passes) == 0)
    }

    @Test func aReaderSeesTheWriterProgress() {
        let block = CounterBlock()
        onThreads(2) { index in
            var before: UInt64 = 0
            for _ in 0..<10_000 {
                if index == 0 {
                    block.add(.completions)
                } else {
                    let now = block.value(.completions)
                    precondition(now >= before, "a counter went backwards")
                    before = now
                }
            }
        }
        #expect(block.value(.completions) == 10_000)
    }
}
