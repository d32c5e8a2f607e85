/// The text format of metrics, and what the counters are called in it.

import Exchange
import Testing

@testable import Control

@Suite struct PrometheusTextTests {
    @Test func aMetricHasHelpTypeAndSamples() {
        var text = PrometheusText()
        text.write("a_total", "Counts a.", [([("b", "c"), ("d", "e")], 3), ([], 1.5)])
        text.write("none", "Nothing.", [])
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
        text.write("a", "A.", [([("b", "\\\"\n")], 9_007_199_254_740_991)])
        #expect(text.text.hasSuffix("a{b=\"\\\\\\\"\\n\"} 9007199254740991\n"))
    }

    @Test func everyRelayCounterIsInOneMetricWithHelp() {
        let counters = RelayMetric.all.flatMap { $0.members.map(\.counter) }
        #expect(counters.count == RelayCounter.allCases.count)
        #expect(Set(counters) == Set(RelayCounter.allCases))
        #expect(Set(RelayMetric.all.map(\.name)).count == RelayMetric.all.count)
        for metric in RelayMetric.all {
            #expect(!metric.help.hasPrefix("Counts ") && metric.help.hasSuffix("."), "\(metric)")
            let isGauge = !metric.name.hasSuffix("_total")
            #expect(metric.members.allSatisfy { $0.counter.isGauge == isGauge }, "\(metric)")
        }
    }

    @Test func familiesAreToldApartByALabel() throws {
        let drops = try #require(RelayMetric.all.first { $0.name == "turnpike_relay_drops_total" })
        let drop = try #require(drops.members.first { $0.counter == .dropsNotSTUN })
        #expect(drop.label?.name == "reason" && drop.label?.value == "not_stun")
        #expect(Set(drops.members.map(\.counter)) == Set(RelayCounter.drops))
        let sent = RelayMetric.all.flatMap(\.members).first { $0.counter == .datagramsToPeers }
        #expect(sent?.label?.name == "direction" && sent?.label?.value == "to_peers")
    }
}
