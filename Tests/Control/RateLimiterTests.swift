/// Rates by source, and who counts as one.

import NIOHTTP1
import TURN
import Testing

@testable import Control

@Suite struct RateLimiterTests {
    private let start = Instant(nanoseconds: 1_000_000_000_000)

    @Test func aSourceHasItsBurstAndThenItsRate() {
        var limiter = RateLimiter(milliseconds: 2000, burst: 3)
        let granted = (0..<10).map { _ in limiter.allows("a", at: start) }.count { $0 }
        #expect(granted == 3)
        let later = [1, 2, 2].map { limiter.allows("a", at: start.advanced(bySeconds: $0)) }
        #expect(later == [false, true, false])
    }

    @Test func aFloodOfOneSourceShutsNoOtherOut() {
        var limiter = RateLimiter(milliseconds: 1000, burst: 1)
        for _ in 0..<1000 { _ = limiter.allows("flood", at: start) }
        let allowed = (0..<100).map { limiter.allows("other \($0)", at: start) }
        #expect(
            allowed.count { $0 } >= 98,
            "only those that share both buckets, which chance hardly makes"
        )
    }

    @Test func sourcesArePrefixes() {
        func source(_ address: String) -> String? {
            makeRequest("/", from: address).source?.description
        }
        #expect(source("198.51.100.7") == "198.51.100.7/32")
        #expect(source("::ffff:198.51.100.7") == "198.51.100.7/32")
        #expect(source("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::/64")
        #expect(source("nonsense") == "0.0.0.0/32")
    }

    @Test func onlyAProxyOfThisMachineIsBelieved() {
        let headers: HTTPHeaders = ["X-Forwarded-For": "192.0.2.1, 203.0.113.9"]
        func source(isLocal: Bool) -> String? {
            makeRequest("/", headers: headers, isLocal: isLocal)
                .source?.description
        }
        #expect(source(isLocal: true) == "203.0.113.9/32")
        #expect(source(isLocal: false) == "198.51.100.7/32")
        #expect(makeRequest("/", isLocal: true).source == nil)
    }
}
