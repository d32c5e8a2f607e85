/// What the program writes: log lines, times, entries for browsers.

import Foundation
import Testing

@testable import turnpike

@Suite struct OutputTests {
    private let date = Date(timeIntervalSince1970: 1_800_000_000.25)

    @Test func aLogLineOfTextStaysOneLine() {
        let fields = [(name: "peer", value: "a\nb"), (name: "count", value: "3")]
        let line = LineLog.line(.text, "warning", "two\nlines", fields, at: date)
        #expect(line == "2027-01-15T08:00:00.250Z warning two lines peer=a b count=3")
    }

    @Test func aLogLineOfJSONIsAnObject() throws {
        let fields = [(name: "peer", value: "\"\\\n\u{1}ü"), (name: "count", value: "3")]
        let line = LineLog.line(.json, "info", "ready", fields, at: date)
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        #expect(object?["peer"] as? String == "\"\\\n\u{1}ü")
        #expect(object?["count"] as? Int == 3)
        #expect(object?["level"] as? String == "info")
        #expect(object?["message"] as? String == "ready")
        #expect(!line.contains("\n"))
    }

    @Test func timesAreRead() {
        #expect(seconds("90s") == 90)
        #expect(seconds("30m") == 1800)
        #expect(seconds("1h") == 3600)
        #expect(seconds("2d") == 172_800)
        #expect(seconds("45") == 45)
        for text in ["", "h", "-1h", "1w", "1.5h", "0", "99999999999999999999d", "40000d"] {
            #expect(seconds(text) == nil, "\(text)")
        }
    }

    @Test func anEntryForABrowserIsWhatItTakes() throws {
        let entry = ICEServer(
            urls: ["turn:[2001:db8::1]:3478?transport=udp"],
            username: "1800000000:me",
            credential: "a/b+c="
        )
        let expected =
            #"{"credential":"a/b+c=","urls":["turn:[2001:db8::1]:3478?transport=udp"],"#
            + #""username":"1800000000:me"}"#
        #expect(try entry.json == expected)
    }
}
