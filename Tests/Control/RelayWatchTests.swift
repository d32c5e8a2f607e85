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
        let sample = watch.threads(at: start + .seconds(2))[0]
        #expect(sample.datagramsPerSecond == 200)
        #expect(sample.bitsPerSecond == 4000)
        #expect(sample.dropsPerSecond == 2)
        #expect(sample.allocations == 7)
        #expect(
            watch.threads(at: start + .seconds(2))[1] == ServerStatus.Thread(thread: 1, cpu: nil)
        )
        watch.look(at: start + .seconds(3))
        let later = watch.threads(at: start + .seconds(3))[0]
        #expect(later.datagramsPerSecond == 0 && later.allocations == 7)
    }

    @Test func loadIsThePartOfACPU() {
        let used = CounterBlock()
        let watch = RelayWatch(view { used.value(.passes) }, at: start)
        used.set(.passes, to: 250_000_000)
        watch.look(at: start + .seconds(1))
        #expect(watch.threads(at: start + .seconds(1))[0].load == 0.25)
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
