/// Sockets from the handshake to their end.

import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

@testable import Control

@Suite struct WebSocketTests {
    private func server(
        _ change: (inout ControlConfiguration.Limits) -> Void = { _ in }
    ) throws -> HTTPServer {
        var configuration = ControlConfiguration()
        change(&configuration.limits)
        return try HTTPServer(configuration)
    }

    @Test func theHandshakeProvesThatTheKeyWasRead() throws {
        let server = try server()
        let client = try RawClient(port: server.port)
        client.request("GET /ws?ignored=1", RawClient.upgrade)
        let response = try client.response()
        #expect(response.status == 101)
        #expect(response["Sec-WebSocket-Accept"] == ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="])
        #expect(response["Sec-WebSocket-Protocol"] == [])
        #expect(response["Sec-WebSocket-Extensions"] == [])
    }

    @Test(arguments: [
        ["Upgrade: WebSocket", "Connection: Upgrade"],
        ["Upgrade: websocket", "Connection: keep-alive, upgrade"],
    ])
    func wordsOfTheHandshakeHaveNoCase(_ headers: [String]) throws {
        let server = try server()
        let client = try RawClient(port: server.port)
        client.request("GET /ws", headers + RawClient.upgrade[2...])
        #expect(try client.response().status == 101)
    }

    @Test func oneProtocolIsEchoedAndTwoAreRefused() throws {
        let server = try server()
        let client = try RawClient(port: server.port)
        client.request("GET /ws", RawClient.upgrade + ["Sec-WebSocket-Protocol: chat"])
        #expect(try client.response()["Sec-WebSocket-Protocol"] == ["chat"])
        let other = try RawClient(port: server.port)
        other.request("GET /ws", RawClient.upgrade + ["Sec-WebSocket-Protocol: chat, talk"])
        #expect(try other.response().status == 400)
    }

    @Test(arguments: [
        ("GET /ws", [], 400, "not websocket protocol"),
        ("GET /ws", ["Upgrade: h2c", "Connection: Upgrade"], 400, "not websocket protocol"),
        ("GET /ws", Array(RawClient.upgrade[..<3]), 400, "mismatch challenge/response"),
        (
            "GET /ws",
            RawClient.upgrade[..<2] + RawClient.upgrade[3...] + ["Sec-WebSocket-Version: 8"],
            400, "missing or bad WebSocket Version"
        ), ("POST /ws", RawClient.upgrade, 405, "bad method"),
        (
            "GET /ws", RawClient.upgrade + ["Origin: https://evil.example"], 403,
            "origin not allowed"
        ),
        ("GET /ws", RawClient.upgrade + ["Origin: null"], 403, "origin not allowed"),
        ("GET /wsx", RawClient.upgrade, 404, "nothing at /wsx\n"),
    ])
    func aBadHandshakeIsRefused(
        _ line: String,
        _ headers: [String],
        _ status: Int,
        _ body: String
    ) throws {
        let server = try server()
        let client = try RawClient(port: server.port)
        client.request(line, headers)
        let response = try client.response()
        #expect(response.status == status)
        #expect(response.body == body)
        if body.hasSuffix("Version") { #expect(response["Sec-WebSocket-Version"] == ["13"]) }
        #expect(try server.counter(.openWebSockets) == 0)
    }

    @Test(arguments: [
        "Origin: http://localhost", "Origin: https://appr.tc", "X-No-Origin: at-all",
    ])
    func ourOwnPagesAndNativeClientsGetASocket(_ header: String) throws {
        let server = try server()
        _ = try RawClient.webSocket(port: server.port, [header])
    }

    @Test func whatFollowsARefusedUpgradeDoesNotPileUp() throws {
        let server = try server()
        let client = try RawClient(port: server.port)
        client.request("GET /nowhere", ["Upgrade: h2c", "Connection: Upgrade"])
        #expect(try client.response().status == 404)
        for _ in 0..<100 { client.send([UInt8](repeating: 0, count: 100_000)) }
        #expect(
            try HTTPServer.eventually {
                try server.expire(after: 3); return try server.counter(.connections) == 0
            }
        )
    }

    @Test func framesSentWithTheHandshakeAreHeard() throws {
        let server = try server()
        let client = try RawClient(port: server.port)
        let lines = ["GET /ws HTTP/1.1", "Host: localhost"] + RawClient.upgrade
        let early = RawFrame(opcode: 1, payload: Array("early".utf8)).bytes()
        client.send(Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + early)
        #expect(try client.response().status == 101)
        #expect(try client.frame().text == "early")
    }

    @Test func framesBehindARequestThatWaitsForAnotherAreHeard() throws {
        let server = try HTTPServer { router in
            let later: (Request) -> Reply = { _ in
                let loop = MultiThreadedEventLoopGroup.currentEventLoop
                let response = Response.text(.ok, "later")
                let answer = loop?.scheduleTask(in: .milliseconds(50)) { response }
                return answer.map { .later($0.futureResult) } ?? .now(.empty(.notFound))
            }
            router.on(.GET, "/later", replying: later)
        }
        let client = try RawClient(port: server.port)
        let lines = ["GET /ws HTTP/1.1", "Host: localhost"] + RawClient.upgrade
        let early = RawFrame(opcode: 1, payload: Array("early".utf8)).bytes()
        let first = "GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n"
        client.send(Array((first + lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + early)
        #expect(try client.response().body == "later")
        #expect(try client.response().status == 101)
        #expect(try client.frame().text == "early")
    }

    @Test(arguments: [1, 2] as [UInt8])
    func textAndBinaryAreHeard(_ opcode: UInt8) throws {
        let server = try server()
        let client = try RawClient.webSocket(port: server.port)
        for size in [0, 5, 125, 126, 65_535, 65_536, 262_144] {
            let text = String(repeating: "m", count: size)
            client.send(RawFrame(opcode: opcode, payload: Array(text.utf8)).bytes())
            let frame = try client.frame()
            #expect(frame == RawFrame(opcode: 1, payload: Array(text.utf8)))
        }
    }

    @Test func partsMakeAMessageAndPingsMayComeBetween() throws {
        let server = try server()
        let client = try RawClient.webSocket(port: server.port)
        client.send(RawFrame(isFinal: false, opcode: 1, payload: Array("ab".utf8)).bytes())
        client.send(RawFrame(opcode: 9, payload: Array("there?".utf8)).bytes())
        #expect(try client.frame() == RawFrame(opcode: 10, payload: Array("there?".utf8)))
        client.send(RawFrame(isFinal: false, opcode: 0, payload: Array("cd".utf8)).bytes())
        client.send(RawFrame(opcode: 0, payload: Array("ef".utf8)).bytes())
        #expect(try client.frame().text == "abcdef")
    }

    @Test(arguments: [
        (RawFrame(opcode: 1, payload: [0x61]).bytes(mask: nil), 1002),
        (RawFrame(opcode: 1, payload: [0x61]).bytes(reserved: 0x40), 1002),
        (RawFrame(opcode: 3, payload: []).bytes(), 1002),
        (RawFrame(opcode: 11, payload: []).bytes(), 1002),
        (RawFrame(opcode: 0, payload: []).bytes(), 1002),
        (RawFrame(isFinal: false, opcode: 9, payload: []).bytes(), 1002),
        (RawFrame(opcode: 9, payload: [UInt8](repeating: 0, count: 126)).bytes(), 1002),
        (RawFrame(opcode: 8, payload: [3]).bytes(), 1002),
        (RawFrame(opcode: 8, payload: [3, 236]).bytes(), 1002),
        (RawFrame(opcode: 1, payload: [0xFF]).bytes(), 1007),
        ([0x81, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4], 1002),
        ([0x81, 0xFF, 0x7F, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4], 1009),
        ([0x81, 0xFF, 0, 0, 0, 0, 0, 4, 0, 1, 1, 2, 3, 4], 1009),
        (RawFrame(opcode: 8, payload: []).bytes(), 1000),
        (RawFrame(opcode: 8, payload: [3, 233]).bytes(), 1001),
    ])
    func whatEndsASocketNamesTheCode(_ bytes: [UInt8], code: Int) throws {
        let server = try server()
        let client = try RawClient.webSocket(port: server.port)
        client.send(bytes)
        #expect(try client.frame().code == code)
        #expect(try client.rest() == "")
        #expect(HTTPServer.eventually { server.heard.all == ["closed"] })
        // The client keeps its end open, but not for ever.
        try server.expire(after: 2)
        #expect(try HTTPServer.eventually { try server.counter(.openWebSockets) == 0 })
    }

    @Test func partsTogetherHaveTheBoundOfAMessage() throws {
        let server = try server { $0.bodyBytes = 1000 }
        let client = try RawClient.webSocket(port: server.port)
        let part = [UInt8](repeating: 0x61, count: 500)
        client.send(RawFrame(isFinal: false, opcode: 1, payload: part).bytes())
        client.send(RawFrame(isFinal: false, opcode: 0, payload: part).bytes())
        client.send(RawFrame(opcode: 0, payload: [0x61]).bytes())
        #expect(try client.frame().code == 1009)
    }

    @Test func aSocketThatWasClosedByUsEndsWith1000() throws {
        let server = try server()
        let client = try RawClient.webSocket(port: server.port)
        client.send(text: "bye")
        #expect(try client.frame().code == 1000)
        #expect(try client.rest() == "")
        try server.expire(after: 2)
        #expect(HTTPServer.eventually { server.heard.all.last == "closed" })
    }

    @Test func whoSpeaksTooMuchIsEnded() throws {
        let server = try server { $0.messagesPerSecond = 2 }
        let client = try RawClient.webSocket(port: server.port)
        let started = NIODeadline.now()
        for _ in 0..<500 { client.send(text: "again") }
        var frames: [RawFrame] = []
        while let frame = try? client.frame() { frames.append(frame) }
        #expect(frames.last?.code == 1008)
        let seconds = Int((NIODeadline.now() - started).nanoseconds / 1_000_000_000) + 1
        #expect((10...10 + 2 * seconds).contains(frames.count - 1), "a burst of five seconds")
    }

    @Test func aSlowClientIsDroppedAndOthersLive() throws {
        let server = try server { $0.pendingBytes = 100_000 }
        let slow = try RawClient.webSocket(port: server.port)
        let other = try RawClient.webSocket(port: server.port)
        slow.send(text: "flood 2000")
        #expect(try HTTPServer.eventually { try server.counter(.openWebSockets) == 1 })
        #expect(server.heard.all.filter { $0 == "closed" }.count == 1)
        other.send(text: "still here")
        #expect(try other.frame().text == "still here")
    }

    @Test func whoAnswersNoPingIsGone() throws {
        let server = try server()
        let client = try RawClient.webSocket(port: server.port)
        for step in 1...2 {
            try server.expire(after: Int64(step) * 31)
            #expect(try client.frame().opcode == 9)
        }
        try server.expire(after: 93)
        #expect(try client.rest() == "")
        #expect(HTTPServer.eventually { server.heard.all == ["closed"] })
    }

    @Test func whoAnswersPingsStays() throws {
        let server = try server()
        let client = try RawClient.webSocket(port: server.port)
        for step in 1...5 {
            try server.expire(after: Int64(step) * 31)
            #expect(try client.frame().opcode == 9)
            client.send(RawFrame(opcode: 10, payload: []).bytes())
            // An answer shows that the pong was read before.
            client.send(text: "\(step)")
            #expect(try client.frame().text == "\(step)")
        }
    }

    @Test func aMessageThatIsNeverWholeIsEnded() throws {
        let server = try server()
        let client = try RawClient.webSocket(port: server.port)
        client.send(RawFrame(isFinal: false, opcode: 1, payload: [0x61]).bytes())
        client.send(RawFrame(opcode: 9, payload: []).bytes())
        #expect(try client.frame().opcode == 10)
        try server.expire(after: 76)
        #expect(try client.frame().code == 1008)
    }
}
