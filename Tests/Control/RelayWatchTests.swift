/// Rates of relay threads, and which of them stand still.

import Exchange
import NIOCore
import Testing

@testable import Control

@Suite struct RelayWatchTests {
    private let counters = [CounterBlock(), CounterBlock()]
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    private func view(cpu: @escaping @Sendable () -> UInt64? = { 0 }) -> RelayView {
        RelayView(
            threads: counters.map {
                RelayView.Thread(
                    cpu: nil,
                    counters: $0,
                    cpuNanoseconds: cpu,
                    ask: { _ in false },
                    nextAnswer: { nil }
                )
            }
        )
    }

    @Test func ratesAreThoseOfTheTimeBetweenLooks() {
        let watch = RelayWatch(view(), at: start)
        counters[0].add(.datagramsToClients, 300)
        counters[0].add(.datagramsToPeers, 100)
        counters[0].add(.datagramsFromPeers, 999)
        counters[0].add(.bytesToClients, 1000)
        counters[0].add(.dropsMalformed, 3)
        counters[0].add(.dropsTruncated, 1)
        counters[0].set(.allocations, to: 7)
        watch.look(at: start + .seconds(2))
        let sample = watch.samples[0]
        #expect(sample.datagrams == 200)
        #expect(sample.bits == 4000)
        #expect(sample.drops == 2)
        #expect(sample.allocations == 7)
        #expect(watch.samples[1] == ThreadSample(thread: 1))
        watch.look(at: start + .seconds(3))
        #expect(watch.samples[0].datagrams == 0 && watch.samples[0].allocations == 7)
    }

    @Test func loadIsThePartOfACPU() {
        let used = CounterBlock()
        let watch = RelayWatch(view { used.value(.passes) }, at: start)
        used.set(.passes, to: 250_000_000)
        watch.look(at: start + .seconds(1))
        #expect(watch.samples[0].cpu == 0.25)
    }

    @Test func aThreadWithoutPassesStandsStillAfterAWhile() {
        let watch = RelayWatch(view(), at: start)
        for second in 1...6 {
            counters[0].add(.passes)
            watch.look(at: start + .seconds(Int64(second)))
            let expected = second > 3 ? [1] : []
            #expect(watch.stalled(at: start + .seconds(Int64(second))) == expected)
        }
        counters[1].add(.passes)
        #expect(watch.stalled(at: start + .seconds(6)) == [])
        watch.look(at: start + .seconds(7))
        #expect(watch.stalled(at: start + .seconds(7)) == [])
        #expect(watch.stalled(at: start + .seconds(20)) == [0, 1])
    }
}
