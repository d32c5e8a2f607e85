/// Server-sent events, as long as somebody listens.

import NIOCore
import NIOHTTP1
import Testing

@testable import Control

@Suite struct EventStreamTests {
    /// A server whose stream sends `count` events of a size and ends; without a count it never ends.
    private func server(count: Int? = nil, size: Int = 5) throws -> HTTPServer {
        var configuration = ControlConfiguration()
        configuration.limits.pendingBytes = 100_000
        return try HTTPServer(configuration) { router in
            let events: (Request) -> Reply = { _ in
                .events { stream in
                    let text = String(repeating: "e", count: size)
                    guard let count else { return _ = stream.send(text) }
                    for _ in 0..<count where !stream.send(text) { return }
                    stream.end()
                }
            }
            router.on(.GET, "/events", replying: events)
        }
    }

    /// The next chunk of a response.
    private func chunk(_ client: RawClient) throws -> String {
        var size: [UInt8] = []
        while !size.suffix(2).elementsEqual("\r\n".utf8) { size += try client.take(1) }
        let count = Int(String(decoding: size.dropLast(2), as: UTF8.self), radix: 16) ?? 0
        return String(decoding: try client.take(count + 2).dropLast(2), as: UTF8.self)
    }

    @Test func eventsComeUntilTheEnd() throws {
        let server = try server(count: 3)
        let client = try RawClient(port: server.port)
        client.request("GET /events")
        let head = try client.response()
        #expect(head.status == 200)
        #expect(head["Content-Type"] == ["text/event-stream"])
        #expect(head["Cache-Control"] == ["no-store"])
        #expect(head["X-Content-Type-Options"] == ["nosniff"])
        for _ in 0..<3 { #expect(try chunk(client) == "data: eeeee\n\n") }
        #expect(try chunk(client) == "")
        #expect(try client.rest() == "")
    }

    @Test func aStreamOutlivesTheTimeOfRequests() throws {
        let server = try server()
        let client = try RawClient(port: server.port)
        client.request("GET /events")
        #expect(try client.response().status == 200)
        #expect(try chunk(client) == "data: eeeee\n\n")
        try server.expire(after: 10_000)
        #expect(try server.counter(.connections) == 1)
    }

    @Test func aClientThatLeavesIsLetGo() throws {
        let server = try server()
        var client: RawClient? = try RawClient(port: server.port)
        client?.request("GET /events")
        #expect(try client?.response().status == 200)
        client = nil
        #expect(try HTTPServer.eventually { try server.counter(.connections) == 0 })
    }

    @Test func aClientThatDoesNotReadIsDropped() throws {
        let server = try server(count: 1_000_000, size: 10_000)
        let client = try RawClient(port: server.port)
        client.request("GET /events")
        #expect(try HTTPServer.eventually { try server.counter(.connections) == 0 })
    }

    @Test func headOfEventsEnds() throws {
        let server = try server()
        let client = try RawClient(port: server.port)
        client.request("HEAD /events", ["Connection: close"])
        #expect(try client.rest().hasPrefix("HTTP/1.1 200 OK"))
    }
}
