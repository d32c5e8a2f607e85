/// Which route answers.

import NIOCore
import NIOHTTP1
import Testing

@testable import Control

@Suite struct RouterTests {
    private func request(_ method: HTTPMethod, _ segments: [String]) -> Request {
        makeRequest("/" + segments.joined(separator: "/"), method: method)
    }

    private var router: Router {
        var router = Router()
        router.on(.POST, "/join/{room}") { .text(.ok, $0.names["room"] ?? "") }
        return router
    }

    @Test func partsInBracesAreNamed() {
        guard case .now(let response)? = router.reply(to: request(.POST, ["join", "r1"])) else {
            Issue.record("no response")
            return
        }
        #expect(String(buffer: response.body) == "r1")
    }

    @Test func anotherMethodIsRefusedAndTheRightOneNamed() {
        guard case .now(let response)? = router.reply(to: request(.GET, ["join", "r1"])) else {
            Issue.record("no response")
            return
        }
        #expect(response.status == .methodNotAllowed)
        #expect(response.headers["Allow"] == ["POST"])
    }

    @Test func anUnknownPathIsNobodys() {
        let reply = router.reply(to: request(.POST, ["join"]))
        #expect(reply.map { _ in true } == nil)
    }
}
