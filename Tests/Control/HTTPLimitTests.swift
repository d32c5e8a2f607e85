/// What is refused below the routes, and what waits no longer.

import Glibc
import NIOCore
import NIOEmbedded
import NIOHTTP1
import STUN
import Testing

@testable import Control

@Suite struct HTTPLimitTests {
    private func server(
        _ change: (inout ControlConfiguration.Limits) -> Void = { _ in }
    ) throws -> HTTPServer {
        var configuration = ControlConfiguration()
        change(&configuration.limits)
        return try HTTPServer(configuration) { router in
            router.on(.POST, "/echo") { .text(.ok, "\($0.body.readableBytes)") }
            router.on(.GET, "/large") { _ in .text(.ok, String(repeating: "x", count: 100_000)) }
        }
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\"><script>\r\n\r\n", 400),
        ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /%0d%0aa HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("nonsense\r\n\r\n", 400), ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        ("GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "y", count: 17_000))\r\n\r\n", 431),
        ("GET /\(String(repeating: "y", count: 17_000)) HTTP/1.1\r\nHost: a\r\n\r\n", 431),
        (
            "GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "X: y\r\n", count: 200) + "\r\n",
            431
        ), ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 262145\r\n\r\n", 413),
        ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
        (
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400
        ),
    ])
    func whatIsNoRequestOfOursIsRefusedAndEnds(_ request: String, status: Int) throws {
        let server = try server()
        let client = try RawClient(port: server.port)
        client.send(request)
        let response = try client.response()
        #expect(response.status == status)
        #expect(response["Connection"] == ["close"])
        #expect(response["X-Content-Type-Options"] == ["nosniff"])
        #expect(try client.rest() == "")
    }

    @Test func aBodyOfTheLargestSizeIsTaken() throws {
        let server = try server()
        let client = try RawClient(port: server.port)
        client.request("POST /echo", body: String(repeating: "b", count: 262_144))
        #expect(try client.response().body == "262144")
    }

    @Test func aBodyInChunksHasTheSameBound() throws {
        let server = try server { $0.bodyBytes = 100 }
        let client = try RawClient(port: server.port)
        client.request("POST /echo", ["Transfer-Encoding: chunked"])
        let chunk = "32\r\n" + String(repeating: "c", count: 50) + "\r\n"
        client.send(chunk + chunk + "0\r\n\r\n")
        #expect(try client.response().body == "100")
        client.request("POST /echo", ["Transfer-Encoding: chunked"])
        client.send(chunk + chunk + "1\r\nc\r\n")
        #expect(try client.response().status == 413)
    }

    @Test func whoKeepsUploadingAfterARefusalStillReadsIt() throws {
        let server = try server()
        let client = try RawClient(port: server.port)
        client.request("POST /echo", ["Content-Length: 2000000"])
        client.send([UInt8](repeating: 0, count: 2_000_000))
        #expect(try client.response().status == 413)
    }

    @Test func aByteNowAndThenDoesNotKeepAConnection() throws {
        let server = try server { $0.idleSeconds = 1 }
        let client = try RawClient(port: server.port)
        client.send("GET / HTTP/1.1\r\nHost: a\r\nX: ")
        let isClosed = try HTTPServer.eventually {
            try server.expire(after: 0)
            if !client.send("y") { return true }
            return try server.counter(.connections) == 0
        }
        #expect(isClosed)
    }

    @Test func aBodyThatDoesNotComeIsATimeout() throws {
        let server = try server()
        let client = try RawClient(port: server.port)
        client.request("POST /echo", ["Content-Length: 10", "Expect: 100-continue"])
        #expect(try client.response().status == 100)
        client.send("12345")
        let status = try HTTPServer.eventually {
            try server.expire(after: 76)
            return try server.counter(.connections) == 0
        }
        #expect(status)
        #expect(try client.rest().hasPrefix("HTTP/1.1 408 "))
    }

    @Test func connectionsBeyondTheLimitAreClosedAndOthersLive() throws {
        let server = try server { $0.connections = 2 }
        let first = try RawClient(port: server.port)
        let second = try RawClient(port: server.port)
        #expect(try HTTPServer.eventually { try server.counter(.connections) == 2 })
        let third = try RawClient(port: server.port)
        #expect(try third.rest() == "")
        #expect(try server.counter(.connectionsRefused) == 1)
        for client in [first, second] {
            client.request("POST /echo", body: "ab")
            #expect(try client.response().body == "2")
        }
    }

    @Test func aNetworkHasAShareOfTheConnections() throws {
        var limits = ControlConfiguration.Limits()
        limits.connectionsPerAddress = 2
        let connections = Connections(limits, ControlCounters())
        func admit(_ address: String, isLocal: Bool = false) -> EmbeddedChannel? {
            let channel = EmbeddedChannel()
            let peer = Peer(address: IPAddress(address), isLocal: isLocal, isEncrypted: false)
            return connections.admit(channel, from: peer) ? channel : nil
        }
        let first = admit("192.0.2.1")
        let second = admit("192.0.2.1")
        #expect(first != nil && second != nil)
        #expect(admit("192.0.2.1") == nil)
        #expect(admit("192.0.2.2") != nil)
        #expect(admit("2001:db8::1") != nil && admit("2001:db8::2") != nil)
        #expect(admit("2001:db8::3") == nil, "one /64 is one host")
        #expect(admit("2001:db8:0:1::3") != nil)
        for _ in 0..<5 { #expect(admit("127.0.0.1", isLocal: true) != nil) }
        _ = try first?.finish()
        #expect(admit("192.0.2.1") != nil)
    }

    @Test func whoPipelinesAndDoesNotReadIsDropped() throws {
        let server = try server { $0.pendingBytes = 200_000 }
        let client = try RawClient(port: server.port)
        let request = "GET /large HTTP/1.1\r\nHost: a\r\n\r\n"
        client.send(String(repeating: request, count: 500))
        #expect(try HTTPServer.eventually { try server.counter(.connections) == 0 })
    }

    @Test func aSlowReaderGetsItsLastAnswerWhole() throws {
        let server = try HTTPServer { router in
            router.on(.GET, "/huge") { _ in
                .text(.ok, String(repeating: "x", count: 20_000_000))
            }
        }
        let client = try RawClient(port: server.port)
        client.request("GET /huge", ["Connection: close"])
        #expect(client.readMore())
        // Three times as long as a client may take that has read everything.
        for second in 1...6 { try server.expire(after: Int64(second)) }
        #expect(try client.rest().utf8.count > 20_000_000)
    }

    @Test func bodiesTogetherHaveABound() throws {
        var limits = ControlConfiguration.Limits()
        limits.bodyBytes = 1
        let connections = Connections(limits, ControlCounters())
        var (one, other) = (0, 0)
        #expect(connections.hold(200, insteadOf: &one))
        #expect(!connections.hold(57, insteadOf: &other))
        #expect(connections.hold(56, insteadOf: &other), "less than before is always taken")
        #expect(!connections.hold(57, insteadOf: &other))
        #expect(connections.hold(0, insteadOf: &one))
        #expect(connections.hold(256, insteadOf: &other))
    }
}
