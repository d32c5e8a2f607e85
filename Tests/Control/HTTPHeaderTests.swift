/// Headers that protect: origins, methods, values of one line, who is local.

import NIOCore
import NIOHTTP1
import Testing

@testable import Control

@Suite struct HTTPHeaderTests {
    private func server(origins: [String] = []) throws -> HTTPServer {
        var configuration = ControlConfiguration()
        configuration.origins = origins
        return try HTTPServer(configuration) { router in
            router.on(.GET, "/rooms/{room}") { request in
                var response = Response.text(.ok, request.peer.isLocal ? "local" : "remote")
                if let value = request.parameter("v") {
                    response.headers.add(name: "X-Value", value: value)
                }
                return response
            }
            router.on(.DELETE, "/rooms/{room}") { _ in .empty(.noContent) }
        }
    }

    private func answer(
        _ line: String,
        _ headers: [String] = [],
        origins: [String] = []
    ) throws -> RawResponse {
        let server = try server(origins: origins)
        let client = try RawClient(port: server.port)
        client.request(line, headers)
        return try client.response()
    }

    @Test(arguments: [
        ("http://localhost", [], true), ("https://localhost", [], true),
        ("HTTPS://LOCALHOST:443", [], true), ("https://localhost:8443", [], false),
        ("https://appr.tc", [], true), ("https://other.example", [], false),
        ("https://other.example", ["https://other.example"], true),
        ("https://other.example", ["https://OTHER.example/"], true),
        ("http://other.example", ["https://other.example"], false),
        ("https://other.example.evil.example", ["https://other.example"], false),
        ("null", [], false), ("file://", [], false), ("null", ["*"], true),
        ("file://", ["*"], true),
        ("https://localhost.evil.example", [], false), ("", [], false),
    ])
    func anOriginIsAllowedWhenItIsOursOrListed(
        _ origin: String,
        _ listed: [String],
        isAllowed: Bool
    ) {
        let policy = OriginPolicy(listed)
        #expect(policy.allows(["Host": "localhost", "Origin": origin]) == isAllowed)
    }

    @Test func noOriginIsAllowedAndTwoAreNot() {
        #expect(OriginPolicy([]).allows(["Host": "a"]))
        #expect(
            !OriginPolicy([]).allows(["Host": "a", "Origin": "http://a", "origin": "http://a"])
        )
    }

    @Test func aPageOfAListedOriginMayRead() throws {
        let headers = ["Origin: https://other.example"]
        let allowed = try answer("GET /rooms/a", headers, origins: ["https://other.example"])
        #expect(allowed["Access-Control-Allow-Origin"] == ["https://other.example"])
        #expect(allowed["Vary"] == ["Origin"])
        let foreign = try answer("GET /rooms/a", headers)
        #expect(foreign.status == 200)
        #expect(foreign["Access-Control-Allow-Origin"] == [])
        #expect(foreign["Vary"] == ["Origin"])
    }

    @Test func optionsNamesTheMethodsOfAPath() throws {
        let asked = ["Origin: https://appr.tc", "Access-Control-Request-Method: DELETE"]
        let response = try answer("OPTIONS /rooms/a", asked)
        #expect(response.status == 204)
        #expect(response["Allow"] == ["GET, DELETE"])
        #expect(response["Access-Control-Allow-Methods"] == ["GET, DELETE"])
        #expect(response["Access-Control-Allow-Headers"] == ["Authorization, Content-Type"])
        #expect(try answer("OPTIONS /nowhere").status == 404)
    }

    @Test func aValueCannotBeginAnotherHeader() throws {
        let response = try answer("GET /rooms/a?v=1%0d%0aSet-Cookie:%20a%00")
        #expect(response["X-Value"] == ["1  Set-Cookie: a "])
        #expect(response["Set-Cookie"] == [])
    }

    @Test(arguments: [
        ([], "local"), (["X-Forwarded-For: 192.0.2.1"], "remote"), (["Forwarded: for=a"], "remote"),
        (["Via: 1.1 a"], "remote"), (["Origin: http://localhost"], "local"),
        (["Origin: https://evil.example"], "remote"), (["Origin: null"], "remote"),
        (["Sec-Fetch-Site: same-origin"], "local"), (["Sec-Fetch-Site: cross-site"], "remote"),
    ])
    func whoComesThroughAProxyOrForAnotherSiteIsNotLocal(_ headers: [String], _ place: String)
        throws
    {
        #expect(try answer("GET /rooms/a", headers).body == place)
    }

    @Test func aNamePointedAtThisMachineIsNotLocal() throws {
        let server = try server()
        let client = try RawClient(port: server.port)
        client.send("GET /rooms/a HTTP/1.1\r\nHost: evil.example:80\r\n\r\n")
        #expect(try client.response().body == "remote")
        client.send("GET /rooms/a HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n")
        #expect(try client.response().body == "remote")
        client.send("GET /rooms/a HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n")
        #expect(try client.response().body == "local")
    }
}
