/// The REST API through its routes: what each request is answered, and that the document says so.

import FoundationEssentials
import NIOCore
import NIOHTTP1
import TURN
import Testing
import Tokens

@testable import Control

@Suite struct APIRoutesTests {
    private let api = TestAPI()

    @Test func aRoomIsMadeSeenJoinedAndEnded() throws {
        let made = api.call(.POST, "/api/v1/rooms", json: #"{"id":"r1","capacity":3}"#)
        #expect(made.status == .created)
        #expect(made.headers["Location"] == ["/api/v1/rooms/r1"])
        #expect(try made.decoded(RoomDocument.self).capacity == 3)
        let joined = api.call(.POST, "/api/v1/rooms/r1/participants")
        #expect(joined.status == .created)
        let seen = try api.call(.GET, "/api/v1/rooms/r1").decoded(RoomDocument.self)
        #expect(seen.occupancy == 1)
        #expect(seen.isReserved)
        #expect(seen.participants == nil, "ids are not for everybody")
        #expect(api.admin(.DELETE, "/api/v1/rooms/r1").status == .noContent)
        #expect(api.call(.GET, "/api/v1/rooms/r1").status == .notFound)
        #expect(api.admin(.DELETE, "/api/v1/rooms/r1").status == .notFound)
    }

    @Test func whoJoinsLearnsAllItNeeds() throws {
        let first = try api.join("r1")
        #expect(first.isInitiator)
        #expect(first.webSocketUrl == "ws://turn.example.org:8080/ws")
        #expect(first.iceServers.map(\.username) == ["8600:r1.\(first.id)"])
        let url = first.iceServersUrl
        #expect(url.hasPrefix("http://turn.example.org:8080/v1alpha/iceconfig?key="))
        let second = try api.join("r1")
        #expect(!second.isInitiator)
        #expect(second.peers.isEmpty, "in rooms of two nobody needs the other's id")
        let third = api.call(.POST, "/api/v1/rooms/r1/participants")
        #expect(third.status == .conflict)
        let fresh = api.call(.GET, "/api/v1/ice-servers?room=r1&client=\(second.id)")
        #expect(try fresh.decoded(ICEConfiguration.self).iceServers.count == 1)
    }

    @Test func inALargerRoomANewcomerLearnsWhomToCall() throws {
        #expect(
            api.call(.POST, "/api/v1/rooms", json: #"{"id":"r1","capacity":3}"#).status == .created
        )
        let first = try api.join("r1").id
        let second = try api.join("r1").id
        #expect(try api.join("r1").peers == [first, second])
    }

    @Test func whoIsKickedHasNoSeatAndNoCredentials() throws {
        let id = try api.join("r1").id
        #expect(api.call(.DELETE, "/api/v1/rooms/r1/participants/\(id)").status == .unauthorized)
        #expect(api.admin(.DELETE, "/api/v1/rooms/r1/participants/\(id)").status == .noContent)
        #expect(api.admin(.DELETE, "/api/v1/rooms/r1/participants/\(id)").status == .notFound)
        let ice = api.call(.GET, "/api/v1/ice-servers?room=r1&client=\(id)")
        #expect(ice.status == .unauthorized)
    }

    @Test func theAdminListsRoomsPageByPage() throws {
        for name in ["c", "a", "b"] {
            #expect(
                api.call(.POST, "/api/v1/rooms", json: #"{"id":"\#(name)"}"#).status == .created
            )
        }
        let id = try api.join("a").id
        let first = try api.admin(.GET, "/api/v1/rooms?limit=2").decoded(RoomListDocument.self)
        #expect(first.rooms.map(\.id) == ["a", "b"])
        #expect(first.rooms[0].participants?.map(\.id) == [id])
        #expect(first.next == "b")
        let rest = try api.admin(.GET, "/api/v1/rooms?limit=2&after=b").decoded(
            RoomListDocument.self
        )
        #expect(rest.rooms.map(\.id) == ["c"])
        #expect(rest.next == nil)
        #expect(api.call(.GET, "/api/v1/rooms").status == .unauthorized)
    }

    @Test(arguments: ["0", "1001", "-1", "+5", "x", "", "99999999999999999999"])
    func aListIsNotLongerThanItMayBe(_ limit: String) {
        #expect(api.admin(.GET, "/api/v1/rooms?limit=\(limit)").status == .badRequest)
    }

    @Test(arguments: [
        #"{"id":""}"#, #"{"id":"a b"}"#, #"{"id":null}"#, #"{"id":7}"#, #"{"capacity":1}"#,
        #"{"capacity":17}"#, #"{"capacity":2.5}"#, #"{"capacity":"2"}"#, #"{"capacity":true}"#,
        #"{"capacity":1e400}"#, #"{"name":"r1"}"#, #"{"id":"r1","":1}"#, "[]", "null", "7", "{",
        "{}{}", "{'id':'r1'}", "\u{0}", String(repeating: "[", count: 4000),
        #"{"id":"\#(String(repeating: "x", count: 129))"}"#,
    ])
    func aBodyIsWhatItMustBeAndNothingElse(_ body: String) throws {
        let response = api.call(.POST, "/api/v1/rooms", json: body)
        #expect(response.status == .badRequest)
        #expect(response.headers["Content-Type"] == ["application/problem+json"])
        let problem = try response.decoded(Problem.self)
        #expect(problem.status == 400)
        #expect(!problem.detail.isEmpty)
        #expect(api.lobby.list().isEmpty)
    }

    @Test func aRoomNeedsNoBody() throws {
        let made = api.call(.POST, "/api/v1/rooms")
        #expect(made.status == .created)
        #expect(try made.decoded(RoomDocument.self).capacity == 2)
        #expect(api.call(.POST, "/api/v1/rooms", json: "{}").status == .created)
    }

    @Test func aFormOfAnotherSiteMakesNoRoom() {
        let plain: HTTPHeaders = ["Content-Type": "text/plain"]
        let response = api.call(.POST, "/api/v1/rooms", headers: plain, body: "{}")
        #expect(response.status == .unsupportedMediaType)
        let utf8: HTTPHeaders = ["Content-Type": "Application/JSON; charset=utf-8"]
        #expect(api.call(.POST, "/api/v1/rooms", headers: utf8, body: "{}").status == .created)
    }

    @Test func whereTokensAreRequiredTheyAreAskedFor() throws {
        api.configuration.rooms.requiresToken = true
        let token = try #require(
            RoomTokens(key: api.configuration.roomTokenKey).token(for: "r1", until: 6000)
        )
        let bearer: HTTPHeaders = [
            "Host": "h", "Authorization": "Bearer \(token)", "Content-Type": "application/json",
        ]
        let join = "/api/v1/rooms/r1/participants"
        #expect(api.call(.POST, join).status == .unauthorized)
        #expect(api.call(.POST, "/api/v1/rooms", json: #"{"id":"r1"}"#).status == .unauthorized)
        #expect(api.call(.POST, "/api/v1/rooms").status == .unauthorized)
        #expect(api.call(.GET, "/api/v1/rooms/r1").status == .unauthorized)
        #expect(api.call(.GET, "/api/v1/rooms/r1?token=\(token)").status == .notFound)
        let made = api.call(.POST, "/api/v1/rooms", headers: bearer, body: #"{"id":"r1"}"#)
        #expect(made.status == .created)
        #expect(api.call(.POST, join, headers: bearer).status == .created)
        #expect(api.call(.POST, join + "?token=\(token)").status == .created)
        let other = "/api/v1/rooms/r2/participants?token=\(token)"
        #expect(api.call(.POST, other).status == .unauthorized)
        #expect(api.admin(.POST, "/api/v1/rooms/r2/participants").status == .created)
        api.seconds += 1000
        #expect(api.call(.GET, "/api/v1/rooms/r1?token=\(token)").status == .unauthorized)
    }

    @Test(arguments: [("/api/v1/rooms", "POST, GET"), ("/api/v1/ice-servers", "GET")])
    func anotherMethodIsAProblemThatNamesTheRightOnes(_ path: String, _ methods: String) throws {
        let response = api.call(.PUT, path)
        #expect(response.status == .methodNotAllowed)
        #expect(response.headers["Allow"] == [methods])
        #expect(response.headers["Content-Type"] == ["application/problem+json"])
        let problem = try response.decoded(Problem.self)
        #expect(problem.status == 405 && problem.detail == "this path knows \(methods)")
    }

    @Test func anAddressIsSlowedDownAndTheAdminIsNot() {
        let answers = (0..<200).map { _ in api.call(.GET, "/api/v1/rooms/r1").status }
        #expect(answers.count { $0 == .notFound } == 100)
        #expect(answers.count { $0 == .tooManyRequests } == 100)
        let retry = api.call(.GET, "/api/v1/rooms/r1").headers["Retry-After"]
        #expect(retry == ["1"])
        #expect(api.admin(.GET, "/api/v1/rooms").status == .ok)
        #expect(api.call(.GET, "/api/v1/rooms/r1", from: "203.0.113.1").status == .notFound)
        api.seconds += 1
        #expect(api.call(.GET, "/api/v1/rooms/r1").status == .notFound)
    }

    @Test func whatTakesMemoryIsRationed() {
        let made = (0..<40).map { _ in api.call(.POST, "/api/v1/rooms").status }
        #expect(made.count { $0 == .created } == 20)
        #expect(api.admin(.POST, "/api/v1/rooms").status == .created)
        api.seconds += 10
        let joined = (0..<80).map { api.call(.POST, "/api/v1/rooms/r\($0)/participants").status }
        #expect(joined.count { $0 == .created } == 60)
        #expect(api.call(.POST, "/api/v1/rooms").headers["Retry-After"] == ["30"])
        api.seconds += 20
        #expect(api.call(.POST, "/api/v1/rooms").status == .created)
    }

    @Test func tooManyRoomsAreRefused() {
        api.configuration.rooms.maximum = 1
        #expect(api.call(.POST, "/api/v1/rooms").status == .created)
        #expect(api.call(.POST, "/api/v1/rooms").status == .serviceUnavailable)
        #expect(api.call(.POST, "/api/v1/rooms/r1/participants").status == .serviceUnavailable)
    }
}
