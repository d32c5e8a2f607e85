/// The OpenAPI document against the routes: every status that it names can be had, and no other.

import Foundation
import NIOCore
import NIOHTTP1
import Testing

@testable import Control

@Suite struct APIDocumentTests {
    private static let methods: Set = ["get", "put", "post", "delete", "patch"]

    /// What the document promises, such as `GET /api/v1/rooms 200`.
    private func documented() throws -> Set<String> {
        let response = TestAPI().call(.GET, "/api/openapi.json")
        let data = Data(response.body.readableBytesView)
        let document = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(document["openapi"] as? String == "3.1.0")
        let paths = try #require(document["paths"] as? [String: [String: Any]])
        var promises: Set<String> = []
        for (path, item) in paths {
            for (method, operation) in item where Self.methods.contains(method) {
                let operation = try #require(operation as? [String: Any])
                let responses = try #require(operation["responses"] as? [String: Any])
                for status in responses.keys {
                    promises.insert("\(method.uppercased()) \(path) \(status)")
                }
            }
        }
        return promises
    }

    @Test func everyStatusThatIsDocumentedCanBeHadAndNoOther() throws {
        let statuses = try answersOfAllKinds()
        // The server refuses what is no HTTP before a route sees it, whatever the route.
        let promised = try documented()
        let byTheServer = promised.filter { promise in
            promise.hasSuffix(" 400") && !statuses.contains(promise)
        }
        #expect(byTheServer.allSatisfy { $0.contains("{room}") })
        #expect(statuses == promised.subtracting(byTheServer))
    }

    /// Every operation with each of its outcomes.
    private func answersOfAllKinds() throws -> Set<String> {
        let api = TestAPI()
        let rooms = "/api/v1/rooms"
        _ = api.call(.GET, "/api/openapi.json")
        for body in [#"{"id":"r1"}"#, #"{"id":"r1"}"#, "{", String(repeating: " ", count: 5000)] {
            _ = api.call(.POST, rooms, json: body)
        }
        _ = api.call(.POST, rooms, body: "{}")
        for room in ["r1", "r2", "!"] {
            _ = api.call(.GET, "\(rooms)/\(room)")
        }
        _ = api.call(.GET, rooms)
        _ = api.admin(.GET, rooms)
        _ = api.admin(.GET, rooms + "?limit=0")
        let id = try api.join("r1").id
        _ = try api.join("r1")
        _ = api.call(.POST, "\(rooms)/r1/participants")
        _ = api.call(.POST, "\(rooms)/!/participants")
        _ = api.call(.GET, "/api/v1/ice-servers?room=r1&client=\(id)")
        _ = api.call(.GET, "/api/v1/ice-servers")
        for _ in 0..<2 {
            _ = api.call(.DELETE, "\(rooms)/r1/participants/\(id)")
            _ = api.admin(.DELETE, "\(rooms)/r1/participants/\(id)")
        }
        for _ in 0..<2 {
            _ = api.call(.DELETE, "\(rooms)/r1")
            _ = api.admin(.DELETE, "\(rooms)/r1")
        }
        for _ in 0..<150 {
            _ = api.call(.POST, rooms)
            _ = api.call(.GET, "/api/v1/ice-servers")
        }
        for (method, path) in [
            (HTTPMethod.GET, rooms), (.GET, "\(rooms)/r1"), (.DELETE, "\(rooms)/r1"),
            (.POST, "\(rooms)/r1/participants"), (.DELETE, "\(rooms)/r1/participants/\(id)"),
        ] {
            _ = api.call(method, path)
        }
        return api.answered.union(answersWithoutRoom()).union(answersWithoutTokens())
    }

    private func answersWithoutRoom() -> Set<String> {
        let api = TestAPI()
        api.configuration.rooms.maximum = 0
        _ = api.call(.POST, "/api/v1/rooms")
        _ = api.call(.POST, "/api/v1/rooms/r1/participants")
        return api.answered
    }

    private func answersWithoutTokens() -> Set<String> {
        let api = TestAPI()
        api.configuration.rooms.requiresToken = true
        _ = api.call(.POST, "/api/v1/rooms")
        _ = api.call(.GET, "/api/v1/rooms/r1")
        _ = api.call(.POST, "/api/v1/rooms/r1/participants")
        return api.answered
    }
}
