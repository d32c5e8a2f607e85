/// What the command line makes of the server's answers.

import Control
import Foundation
import Testing

@testable import turnpike

@Suite struct AdminOutputTests {
    private func answer(_ text: String) -> HTTPAnswer? { HTTPAnswer(Array(text.utf8)) }

    @Test func anAnswerIsReadWhole() {
        let text = "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\nX: y\r\n\r\nhe\r\n\r"
        #expect(answer(text)?.status == 404)
        #expect(answer(text).map { String(decoding: $0.body, as: UTF8.self) } == "he\r\n\r")
        #expect(answer("HTTP/1.1 204 No Content\r\n\r\n")?.body.isEmpty == true)
    }

    @Test(arguments: [
        "", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        "SSH-2.0-x\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n",
    ])
    func whatIsNoWholeAnswerIsRefused(_ text: String) {
        #expect(answer(text) == nil)
    }

    @Test func columnsAreAsWideAsTheirWidestCell() {
        let lines = columns([["a", "bb", ""], ["ccc", "d", "e"]], indent: 1)
        #expect(lines == [" a    bb", " ccc  d   e"])
    }

    @Test func durationsHaveTwoUnits() {
        #expect(duration(seconds: 0) == "0s")
        #expect(duration(seconds: 59) == "59s")
        #expect(duration(seconds: 3661) == "1h 1m")
        #expect(duration(seconds: 200_000) == "2d 7h")
    }

    @Test func aPathSegmentIsEscaped() {
        #expect(pathSegment("a-b_~9") == "a-b_~9")
        #expect(pathSegment("../a b?c#é") == "%2E%2E%2Fa%20b%3Fc%23%C3%A9")
    }

    @Test func aUsernameCannotMoveTheCursor() throws {
        let json = #"""
            {"allocations":[{"id":"0-1-ab","thread":0,"client":"192.0.2.1:5","relayed":"192.0.2.2:6",
            "user":"\u001b[2J\u202eme","secondsLeft":9,"permissions":1,"channels":0}],
            "isComplete":false}
            """#
        let document = try JSONDecoder().decode(AllocationDocument.self, from: Data(json.utf8))
        let lines = AllocationsCommand.List.lines(document)
        #expect(lines.count == 3)
        #expect(lines[1].contains("?[2J?me"))
        #expect(lines[2].contains("--limit"))
    }
}
