/// The text format of metrics, and what the counters are called in it.

import Exchange
import Testing

@testable import Control

@Suite struct PrometheusTextTests {
    @Test func aMetricHasHelpTypeAndSamples() {
        var text = PrometheusText()
        text.write("a_total", .counter, "Counts a.", [([("b", "c"), ("d", "e")], 3), ([], 1.5)])
        text.write("none", .gauge, "Nothing.", [])
        let expected = """
            # HELP a_total Counts a.
            # TYPE a_total counter
            a_total{b="c",d="e"} 3
            a_total 1.5

            """
        #expect(text.text == expected)
    }

    @Test func largeCountersKeepAllDigitsAndLabelsAreEscaped() {
        var text = PrometheusText()
        text.write("a", .gauge, "A.", [([("b", "\\\"\n")], 9_007_199_254_740_991)])
        #expect(text.text.hasSuffix("a{b=\"\\\\\\\"\\n\"} 9007199254740991\n"))
    }

    @Test func everyRelayCounterHasANameAndHelpOfItsOwn() {
        var seen: Set<String> = []
        for counter in RelayCounter.allCases {
            let metric = counter.metric
            let label = metric.label.map { "\($0.name)=\($0.value)" } ?? ""
            #expect(seen.insert(metric.name + label).inserted, "\(counter)")
            #expect(!metric.help.hasPrefix("Counts "), "\(counter) has no help")
            #expect(metric.help.hasSuffix("."))
        }
        let drop = RelayCounter.dropsNotSTUN.metric
        #expect(drop.name == "drops" && drop.label?.name == "reason")
        #expect(drop.label?.value == "not_stun")
        #expect(RelayCounter.datagramsToPeers.metric.label?.value == "to_peers")
        #expect(RelayCounter.drops.count >= 20)
        #expect(!RelayCounter.drops.contains(.datagramsToPeers))
    }
}
