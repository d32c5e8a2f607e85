import Foundation
import NIOCore
import NIOHTTP1
import STUN
import Testing

@testable import Control

@Suite struct PageTests {
    @Test(arguments: Page.allCases)
    func aPageAllowsNothingButOurOwnFiles(_ page: Page) throws {
        let response = page.response()
        let policy = try #require(response.headers.first(name: "Content-Security-Policy"))
        #expect(policy.hasPrefix("default-src 'none'; script-src 'self';"))
        #expect(!policy.contains("unsafe"))
        let html = String(buffer: response.body)
        #expect(
            html.firstMatch(of: /<script(?! type="application\/json"| type="module" src=)/) == nil
        )
        #expect(html.firstMatch(of: /<style|\bstyle=|\bon[a-z]+=|javascript:/) == nil)
    }

    @Test(arguments: Page.allCases)
    func everyFileThatAPageNamesIsThere(_ page: Page) {
        let html = String(buffer: page.response().body)
        let names = html.matches(of: /"\/assets\/([^"#]+)/).map { String($0.output.1) }
        #expect(names.count > 2)
        for name in names { #expect(Asset.all[name] != nil, "\(name)") }
    }

    @Test func everyScriptThatAScriptImportsIsThere() {
        let request = Request.get("/assets/x")
        for (name, asset) in Asset.all where name.hasSuffix(".js") {
            let script = String(buffer: asset.response(to: request).body)
            for match in script.matches(of: /from "\.\/([^"]+)"/) {
                #expect(
                    Asset.all[String(match.output.1)] != nil,
                    "\(name) imports \(match.output.1)"
                )
            }
        }
    }

    @Test func valuesCannotEndTheirElement() throws {
        let values = [
            "room_id": "</script><script>alert(1)</script>", "header_message": "<!--\"'&",
        ]
        let html = String(buffer: Page.call.response(values: values).body)
        let match = try #require(html.firstMatch(of: /id="values">(.*?)<\/script>/))
        let read = try JSONDecoder().decode(
            [String: String].self,
            from: Data(match.output.1.utf8)
        )
        #expect(read == values)
        #expect(!html.contains("<script>alert"))
    }

    @Test func aBrowserThatHasAFileIsToldSo() throws {
        let routes = PageRoutes(ControlConfiguration())
        var router = Router()
        routes.add(to: &router)
        let first = try #require(answer(router, .get("/assets/style.css")))
        #expect(first.status == .ok)
        let tag = try #require(first.headers.first(name: "ETag"))
        var again = Request.get("/assets/style.css")
        again.headers.add(name: "If-None-Match", value: tag)
        #expect(answer(router, again)?.status == .notModified)
        #expect(answer(router, .get("/assets/Page.swift"))?.status == .notFound)
    }

    @Test func theLivePageAsksStrangersForAToken() throws {
        let routes = PageRoutes(ControlConfiguration())
        var router = Router()
        routes.add(to: &router)
        var request = Request.get("/live")
        #expect(
            String(buffer: try #require(answer(router, request)).body).contains(
                #""needs_token":"false""#
            )
        )
        request.peer = Peer(address: IPAddress("192.0.2.1"), isLocal: false, isEncrypted: true)
        #expect(
            String(buffer: try #require(answer(router, request)).body).contains(
                #""needs_token":"true""#
            )
        )
    }

    private func answer(_ router: Router, _ request: Request) -> Response? {
        guard case .now(let response) = router.reply(to: request) else { return nil }
        return response
    }
}

extension Request {
    /// A GET from this machine.
    fileprivate static func get(_ path: String) -> Request {
        makeRequest(path, headers: ["Host": "localhost:8080"], from: "127.0.0.1", isLocal: true)
    }
}
