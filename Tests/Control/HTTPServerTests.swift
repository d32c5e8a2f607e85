/// What is answered on a connection, in which order, and when it ends.

import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

@testable import Control

@Suite struct HTTPServerTests {
    private static func routes(_ router: inout Router) {
        router.on(.GET, "/hello") { _ in .text(.ok, "hello\n") }
        router.on(.GET, "/page") { _ in
            Response(.ok, type: "text/html; charset=utf-8", ByteBuffer(string: "<p>"))
        }
        router.on(.POST, "/echo/{name}") { request in
            var response = Response.text(.ok, String(buffer: request.body))
            response.headers.add(name: "X-Name", value: request.names["name"] ?? "")
            return response
        }
    }

    /// Answers with what the path says, some time later.
    private static func later(_ request: Request) -> Reply {
        let loop = MultiThreadedEventLoopGroup.currentEventLoop
        let text = request.names["text"] ?? ""
        let answer = loop?.scheduleTask(in: .milliseconds(50)) { Response.text(.ok, text) }
        return answer.map { .later($0.futureResult) } ?? .now(.empty(.notFound))
    }

    private func server(
        _ change: (inout ControlConfiguration) -> Void = { _ in }
    ) throws -> HTTPServer {
        var configuration = ControlConfiguration()
        change(&configuration)
        return try HTTPServer(configuration, routes: Self.routes)
    }

    @Test func aResponseHasItsLengthAndTheHeadersOfAll() throws {
        let server = try server()
        let client = try RawClient(port: server.port)
        client.request("GET /hello")
        let response = try client.response()
        #expect(response.status == 200)
        #expect(response.body == "hello\n")
        #expect(response["Content-Length"] == ["6"])
        #expect(response["X-Content-Type-Options"] == ["nosniff"])
        #expect(response["Referrer-Policy"] == ["same-origin"])
        #expect(response["Cache-Control"] == ["no-store"])
        #expect(response["Connection"] == [])
    }

    @Test func aConnectionServesManyRequestsInTheirOrder() throws {
        let server = try server()
        let client = try RawClient(port: server.port)
        let requests = (0..<10).map {
            "POST /echo/n HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n\($0)"
        }
        client.send(requests.joined())
        for index in 0..<10 { #expect(try client.response().body == "\(index)") }
    }

    @Test func headHasTheLengthButNoBody() throws {
        let server = try server()
        let client = try RawClient(port: server.port)
        client.request("HEAD /hello")
        let response = try client.response(toHead: true)
        #expect(response.status == 200)
        #expect(response["Content-Length"] == ["6"])
        client.request("GET /hello")
        #expect(try client.response().body == "hello\n")
    }

    @Test func htmlHasAPolicy() throws {
        let server = try server()
        let client = try RawClient(port: server.port)
        client.request("GET /page")
        let policy = try client.response()["Content-Security-Policy"].first ?? ""
        #expect(policy.contains("default-src 'none'"))
        #expect(!policy.contains("unsafe"))
    }

    @Test func anAnswerThatTakesTimeKeepsTheOrder() throws {
        let server = try HTTPServer { router in
            Self.routes(&router)
            router.on(.GET, "/later/{text}", replying: Self.later)
        }
        let client = try RawClient(port: server.port)
        for line in ["GET /later/a", "GET /hello", "GET /later/b", "GET /hello"] {
            client.request(line)
        }
        let bodies = try (0..<4).map { _ in try client.response().body }
        #expect(bodies == ["a", "hello\n", "b", "hello\n"])
    }

    @Test func anAnswerThatFailsIsAnError() throws {
        struct Failure: Error {}
        let server = try HTTPServer { router in
            let fail: (Request) -> Reply = { _ in
                let loop = MultiThreadedEventLoopGroup.currentEventLoop
                return loop.map { .later($0.makeFailedFuture(Failure())) } ?? .now(.empty(.ok))
            }
            router.on(.GET, "/", replying: fail)
        }
        let client = try RawClient(port: server.port)
        client.request("GET /")
        #expect(try client.response().status == 500)
        #expect(try server.counter(.httpErrors) == 1)
    }

    @Test(arguments: ["HTTP/1.0\r\n\r\n", "HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"])
    func whoWantsOneAnswerGetsOneAndTheEnd(_ rest: String) throws {
        let server = try server()
        let client = try RawClient(port: server.port)
        client.send("GET /hello \(rest)")
        let response = try client.response()
        #expect(response.body == "hello\n")
        #expect(response["Connection"] == ["close"])
        #expect(try client.rest() == "")
    }

    @Test func aClientThatAsksFirstIsToldToGoOn() throws {
        let server = try server()
        let client = try RawClient(port: server.port)
        client.request("POST /echo/n", ["Expect: 100-continue", "Content-Length: 2"])
        #expect(try client.response().status == 100)
        client.send("ab")
        #expect(try client.response().body == "ab")
    }

    @Test func theEndOfTheClientsStreamEndsTheConnection() throws {
        let server = try server()
        let client = try RawClient(port: server.port)
        client.request("GET /hello")
        client.shutDown()
        #expect(try client.rest().hasSuffix("hello\n"))
        #expect(try HTTPServer.eventually { try server.counter(.connections) == 0 })
    }
}
