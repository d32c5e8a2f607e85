import Testing

@testable import TURN

@Suite struct AccessTokenKeyTests {
    private let key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

    @Test func keysAreReadInEachNotation() throws {
        let bytes = Array("01234567890123456789012345678901".utf8)
        let digits = bytes.map { String($0, radix: 16) }.joined()
        for text in ["0x\(digits)", key, String(key.dropLast())] {
            let read = try #require(AccessTokenKey(name: "north", value: "A256GCM \(text)"))
            #expect(read.key == bytes)
            #expect(read.kid == Array("north".utf8))
            #expect(read.isGood(at: TestServer.start))
        }
        let short = try #require(
            AccessTokenKey(name: "a", value: " A128GCM\t-_-_-_-_-_-_-_-_-_-_-w== ")
        )
        #expect(short.key.count == 16)
        #expect(short.key.prefix(3) == [0xFB, 0xFF, 0xBF])
    }

    @Test func optionsFollowInAnyOrder() throws {
        let value = "A256GCM \(key) until=200 kid=22BIjxU93h/IgwEb from=100"
        let read = try #require(AccessTokenKey(name: "file", value: value))
        #expect(read.kid == Array("22BIjxU93h/IgwEb".utf8))
        let good = [99, 100, 199, 200].map {
            read.isGood(at: Now(monotonic: TestServer.start.monotonic, unixSeconds: $0))
        }
        #expect(good == [false, true, true, false])
    }

    @Test(arguments: [
        "", "A256GCM", "A128GCM KEY", "A256GCM 0x00", "A192GCM KEY", "KEY A256GCM",
        "A256GCM KEY KEY",
        "A256GCM KEY from=1 from=2", "A256GCM KEY from=2 until=2", "A256GCM KEY from=-1",
        "A256GCM KEY from=", "A256GCM KEY kid=", "A256GCM KEY alg=x", "A256GCM KEY==",
        "A256GCM 0xKEY", "A256GCM KEY until=99999999999999999999",
    ])
    func anythingElseIsRefused(_ value: String) {
        #expect(AccessTokenKey(name: "north", value: replaced(value)) == nil)
    }

    private func replaced(_ text: String) -> String {
        text.split(separator: "KEY", omittingEmptySubsequences: false).joined(separator: key)
    }
}
