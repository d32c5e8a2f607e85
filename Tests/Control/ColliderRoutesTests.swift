/// What Collider answers over plain HTTP (apprtc.md 1.2, 1.9).

import FoundationEssentials
import NIOCore
import NIOHTTP1
import Testing

@testable import Control

@Suite struct ColliderRoutesTests {
    private let site = AppRTCSite()

    private func register(_ client: String, in room: String) -> TestSocket {
        let socket = TestSocket()
        let text = #"{"cmd":"register","roomid":"\#(room)","clientid":"\#(client)"}"#
        site.lobby.received(text, from: socket)
        return socket
    }

    @Test func aPostedBodyIsAMessageOfTheClientAsItIs() {
        let socket = register("c1", in: "r1")
        let response = site.answer(.POST, "/r1/c2", "{\"type\":\"offer\"} \n")
        #expect(response.status == .ok && String(buffer: response.body) == "OK\n")
        #expect(response.headers["Access-Control-Allow-Origin"] == ["*"])
        #expect(socket.takeMessages() == ["{\"type\":\"offer\"} \n"])
    }

    @Test func anEmptyBodyIsRefused() {
        let response = site.answer(.POST, "/r1/c1")
        #expect(response.status == .internalServerError)
        #expect(String(buffer: response.body) == "Empty request body\n")
        #expect(response.headers["Access-Control-Allow-Origin"] == ["*"])
    }

    @Test func aRefusalSaysWhy() {
        _ = register("c1", in: "r1")
        _ = register("c2", in: "r1")
        let full = "Failed to send the message: Max room capacity reached\n"
        #expect(site.text(.POST, "/r1/c3", "m") == full)
        for _ in 0..<1024 { _ = site.answer(.POST, "/r2/c1", "m") }
        let refused = site.answer(.POST, "/r2/c1", "m")
        #expect(refused.status == .internalServerError)
        let many = "Failed to send the message: Too many messages queued for the client\n"
        #expect(String(buffer: refused.body) == many)
        let long = String(repeating: "x", count: 129)
        #expect(
            site.text(.POST, "/r3/\(long)", "m") == "Failed to send the message: Invalid client\n"
        )
    }

    @Test func oneAddressMayNotFillAllQueues() {
        let statuses = (0..<300).map { room in
            site.answer(.POST, "/r\(room)/c1", "m", isLocal: false).status
        }
        #expect(statuses.prefix(200).allSatisfy { $0 == .ok })
        #expect(statuses.last == .tooManyRequests)
        #expect(site.answer(.POST, "/another/c1", "m").status == .ok)
    }

    @Test func deletingAlwaysSucceedsAndEndsTheSocket() {
        let socket = register("c1", in: "r1")
        #expect(site.text(.DELETE, "/r9/c9") == "OK\n")
        let response = site.answer(.DELETE, "/r1/c1")
        #expect(response.status == .ok && String(buffer: response.body) == "OK\n")
        #expect(socket.isClosed)
    }

    @Test func deletingAParticipantLeavesTheRoomToo() throws {
        let client = try site.join("/join/room1").params["client_id"]?.text ?? ""
        _ = site.answer(.DELETE, "/room1/\(client)")
        #expect(try site.join("/join/room1").params["is_initiator"] == .string("true"))
    }

    @Test(arguments: [HTTPMethod.GET, .HEAD, .OPTIONS, .PUT])
    func otherMethodsAreAnsweredEmptyWithWhatIsAllowed(method: HTTPMethod) {
        let response = site.answer(method, "/r1/c1")
        #expect(response.status == .ok && response.body.readableBytes == 0)
        #expect(response.headers["Access-Control-Allow-Origin"] == ["*"])
        #expect(response.headers["Access-Control-Allow-Methods"] == ["POST, DELETE"])
    }

    @Test(arguments: [
        (HTTPMethod.POST, "/x", "/x"), (.POST, "/a", "/a"), (.POST, "/x/b/c/d", "/x/b/c/d"),
        (.DELETE, "/x", "/x"),
        (.DELETE, "/<b>&\"'", "/&lt;b&gt;&amp;&#34;&#39;"),
    ])
    func anotherPathIsInvalidAndItsNameIsEscaped(method: HTTPMethod, path: String, shown: String) {
        let response = site.answer(method, path, "m")
        #expect(response.status == .internalServerError)
        #expect(String(buffer: response.body) == "Invalid path: \(shown)\n")
    }

    @Test(arguments: ["/x", "/a/b/c", "/api/nothing", "/assets/nothing"])
    func nothingIsToBeGotElsewhere(path: String) {
        #expect(site.answer(.GET, path).status == .notFound)
    }

    @Test(arguments: [
        (HTTPMethod.GET, "/api"), (.POST, "/api/c1"), (.DELETE, "/api/v1/nothing"),
    ])
    func anUnknownPathOfTheAPIIsAProblem(method: HTTPMethod, path: String) throws {
        let response = site.answer(method, path, "m")
        #expect(response.status == .notFound)
        #expect(response.headers["Content-Type"] == ["application/problem+json"])
        #expect(try response.decoded(Problem.self).status == 404)
        #expect(
            site.answer(method, "/assets/nothing").headers["Content-Type"]
                != response.headers["Content-Type"]
        )
    }

    @Test func whatBelongsToOthersIsNoRoom() {
        #expect(site.answer(.POST, "/api/c1", "m").status == .notFound)
        #expect(site.counters[.rooms] == 0)
    }

    @Test(arguments: [HTTPMethod.GET, .POST, .DELETE])
    func theStatusIsFiveNumbersWhateverTheMethod(method: HTTPMethod) throws {
        struct Status: Decodable {
            var upsec: Double
            var openws, totalws, wserrors, httperrors: Int
        }
        let socket = register("c1", in: "r1")
        site.lobby.received("{}", from: socket)
        site.lobby.closed(register("c2", in: "r1"))
        let response = site.answer(method, "/status")
        #expect(response.headers["Content-Type"] == ["text/plain; charset=utf-8"])
        #expect(response.headers["Access-Control-Allow-Methods"] == ["GET"])
        #expect(String(buffer: response.body).hasSuffix("}\n"))
        let status = try response.decoded(Status.self)
        #expect(status.upsec >= 0 && status.upsec < 600)
        #expect(status.openws == 1 && status.totalws == 2)
        #expect(status.wserrors == 1 && status.httperrors == 0)
    }
}
