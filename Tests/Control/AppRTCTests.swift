/// The room server's routes as clients see them (apprtc.md 2).

import FoundationEssentials
import NIOCore
import NIOHTTP1
import Testing
import Tokens

@testable import Control

/// Routes of the room server and of Collider, on one lobby.
struct AppRTCSite {
    let context: ControlContext
    private let router: Router
    private let collider: ColliderRoutes

    var lobby: Lobby { context.lobby }
    var counters: ControlCounters { context.counters }

    init(_ change: (inout ControlConfiguration) -> Void = { _ in }) {
        var configuration = ControlConfiguration()
        change(&configuration)
        context = ControlContext(configuration)
        var router = Router()
        AppRTCRoutes(context: context).add(to: &router)
        self.router = router
        collider = ColliderRoutes(context: context)
    }

    /// The answer to a request.
    func answer(
        _ method: HTTPMethod,
        _ target: String,
        _ body: String = "",
        isLocal: Bool = true
    ) -> Response {
        let request = makeRequest(target, method: method, body: body, isLocal: isLocal)
        switch router.reply(to: request) {
        case .now(let response)?: return response
        case nil: return collider.fallback(request)
        default: return .text(.internalServerError, "not an answer at once")
        }
    }

    /// The body of an answer as text.
    func text(_ method: HTTPMethod, _ target: String, _ body: String = "") -> String {
        String(buffer: answer(method, target, body).body)
    }

    /// Joins; the result and the params.
    func join(_ target: String) throws -> (result: String, params: [String: TestJSON]) {
        struct Joined: Decodable {
            var result: String
            var params: [String: TestJSON]
        }
        let response = answer(.POST, target)
        let joined = try response.decoded(Joined.self)
        return (joined.result, joined.params)
    }
}

/// A member of the params object by its JSON type.
enum TestJSON: Decodable, Equatable {
    case string(String)
    case strings([String])
    case null

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let text = try? container.decode(String.self) {
            self = .string(text)
        } else {
            self = .strings(try container.decode([String].self))
        }
    }

    var text: String {
        if case .string(let text) = self { text } else { "" }
    }
}

@Suite struct AppRTCTests {
    private let site = AppRTCSite()

    @Test func joiningGivesInitiatorThenTheOtherThenFull() throws {
        let first = try site.join("/join/testroom")
        #expect(first.result == "SUCCESS")
        #expect(first.params["is_initiator"] == .string("true"))
        #expect(first.params["room_id"] == .string("testroom"))
        #expect(first.params["messages"] == .strings([]))
        #expect(first.params["error_messages"] == .strings([]))
        #expect(first.params["warning_messages"] == .strings([]))
        let second = try site.join("/join/testroom")
        #expect(second.params["is_initiator"] == .string("false"))
        #expect(second.params["client_id"] != first.params["client_id"])
        let third = site.answer(.POST, "/join/testroom")
        #expect(third.status == .ok)
        #expect(
            String(buffer: third.body) == #"{"params":{"messages":[]},"result":"FULL"}"#
        )
        for params in [first.params, second.params] {
            let client = params["client_id"]?.text ?? ""
            let response = site.answer(.POST, "/leave/testroom/\(client)")
            #expect(response.status == .ok && response.body.readableBytes == 0)
        }
        #expect(try site.join("/join/testroom").params["is_initiator"] == .string("true"))
    }

    @Test func threeMessagesOfTheCallerReachTheCalleeInOrderWhenItJoins() throws {
        let client = try site.join("/join/testroom").params["client_id"]?.text ?? ""
        for text in [#"{"type":"offer"}"#, "ä😀", "m3"] {
            #expect(
                site.text(.POST, "/message/testroom/\(client)", text) == #"{"result":"SUCCESS"}"#
            )
        }
        let callee = try site.join("/join/testroom")
        #expect(callee.params["messages"] == .strings([#"{"type":"offer"}"#, "ä😀", "m3"]))
    }

    @Test func aMessageOfNobodyOrToNowhereSaysSo() throws {
        #expect(site.text(.POST, "/message/r1/c1", "m") == #"{"result":"UNKNOWN_ROOM"}"#)
        // Nobody joined who only signals.
        #expect(site.text(.POST, "/r1/c1", "m") == "OK\n")
        #expect(site.text(.POST, "/message/r1/c1", "m") == #"{"result":"UNKNOWN_ROOM"}"#)
        _ = try site.join("/join/r1")
        #expect(site.text(.POST, "/message/r1/c1", "m") == #"{"result":"UNKNOWN_CLIENT"}"#)
    }

    @Test func anEmptyMessageOrOneThatIsNoTextIsAnError() throws {
        let client = try site.join("/join/r1").params["client_id"]?.text ?? ""
        #expect(site.text(.POST, "/message/r1/\(client)") == #"{"result":"ERROR"}"#)
        var request = makeRequest("/message/r1/\(client)", method: .POST)
        request.body = ByteBuffer(bytes: [0xFF])
        var router = Router()
        AppRTCRoutes(context: site.context).add(to: &router)
        guard case .now(let response)? = router.reply(to: request) else {
            Issue.record("no response")
            return
        }
        #expect(String(buffer: response.body) == #"{"result":"ERROR"}"#)
    }

    @Test func aFullStoreIsAnErrorAloneAndAFailureWithAnother() throws {
        let client = try site.join("/join/r1").params["client_id"]?.text ?? ""
        for _ in 0..<1024 { _ = site.answer(.POST, "/message/r1/\(client)", "m") }
        #expect(site.text(.POST, "/message/r1/\(client)", "m") == #"{"result":"ERROR"}"#)
        _ = try site.join("/join/r1")
        for _ in 0..<1024 { _ = site.answer(.POST, "/message/r1/\(client)", "m") }
        let response = site.answer(.POST, "/message/r1/\(client)", "m")
        #expect(response.status == .internalServerError && response.body.readableBytes == 0)
    }

    @Test func tooManyRoomsIsAnError() throws {
        let site = AppRTCSite { $0.rooms.maximum = 1 }
        _ = try site.join("/join/r1")
        #expect(try site.join("/join/r2").result == "ERROR")
    }

    @Test func oneAddressMayNotTakeAllRooms() throws {
        let statuses = (0..<300).map { room in
            site.answer(.POST, "/join/r\(room)", isLocal: false).status
        }
        #expect(statuses.prefix(200).allSatisfy { $0 == .ok })
        #expect(statuses.last == .tooManyRequests)
        #expect(site.answer(.POST, "/join/another").status == .ok)
    }

    @Test func leavingIsAlwaysWellAndAnOriginalColliderMayReportIt() throws {
        #expect(site.answer(.POST, "/leave/r1/c1").status == .ok)
        let client = try site.join("/join/r1").params["client_id"]?.text ?? ""
        #expect(site.answer(.POST, "/bye/r1/\(client)").status == .ok)
        #expect(site.lobby.participant(client, in: "r1") == nil)
    }

    @Test func olderClientsJoinByPostingToTheRoomsPage() throws {
        #expect(try site.join("/r/r1").params["is_initiator"] == .string("true"))
        #expect(try site.join("/join/r1").params["is_initiator"] == .string("false"))
    }

    @Test(arguments: [
        (HTTPMethod.POST, "/join/a.b"), (.POST, "/join/<b>"), (.GET, "/r/a.b"),
        (.POST, "/message/r1/a.b"), (.POST, "/leave/a.b/c1"),
    ])
    func whatIsNoNameIsNotFound(method: HTTPMethod, target: String) {
        #expect(site.answer(method, target, "m").status == .notFound)
    }

    @Test(arguments: [
        (HTTPMethod.GET, "/join/r1"), (.GET, "/message/r1/c1"), (.GET, "/leave/r1/c1"),
        (.POST, "/params"), (.PUT, "/v1alpha/iceconfig"),
    ])
    func anotherMethodIsNotAllowed(method: HTTPMethod, target: String) {
        #expect(site.answer(method, target).status == .methodNotAllowed)
    }

    @Test func theRoomsPageCarriesItsIdAndAFullRoomHasAnother() throws {
        let page = site.text(.GET, "/r/testroom?tt=</script>")
        #expect(page.contains(#""room_id":"testroom""#))
        #expect(!page.contains("tt=</script>") && !page.contains(#""</script>"#))
        #expect(withoutValues(page) == withoutValues(of: .call))
        for _ in 0..<2 { _ = try site.join("/join/testroom") }
        let full = site.answer(.GET, "/r/testroom")
        #expect(full.status == .ok)
        #expect(withoutValues(String(buffer: full.body)) == withoutValues(of: .full))
    }

    private func withoutValues(of page: Page) -> String {
        withoutValues(String(buffer: page.response().body))
    }

    private func withoutValues(_ html: String) -> String {
        html.replacing(/<script type="application\/json".*?<\/script>/, with: "")
    }

    @Test func theLandingPageNamesNoRoom() {
        let response = site.answer(.GET, "/")
        #expect(response.status == .ok)
        #expect(response.headers["Content-Type"] == ["text/html; charset=utf-8"])
        #expect(!String(buffer: response.body).contains(#""room_id""#))
    }

    @Test(arguments: [HTTPMethod.GET, .POST])
    func theICEConfigurationIsThereForBothMethodsToThoseWhoWereGivenItsAddress(
        method: HTTPMethod
    ) throws {
        let site = AppRTCSite {
            $0.ice.udpPort = 3478
            $0.ice.secret = "the secret of tests"
        }
        let url = try site.join("/join/r1").params["ice_server_url"]?.text ?? ""
        #expect(url.hasPrefix("http://turn.example.org:8080/v1alpha/iceconfig?key="))
        let target = String(url.dropFirst("http://turn.example.org:8080".count))
        let answer = try site.answer(method, target).decoded(ICEConfiguration.self)
        #expect(answer.iceServers.map(\.urls.isEmpty) == [false])
    }

    @Test func withoutTheTokenThatARoomRequiresNobodyJoins() throws {
        let key = "0123456789abcdef"
        let site = AppRTCSite {
            $0.rooms.requiresToken = true
            $0.roomTokenKey = key
        }
        #expect(site.answer(.POST, "/join/r1").status == .forbidden)
        #expect(try site.join("/join/r1?token=1.x").result == "ERROR")
        let token = try #require(RoomTokens(key: key).token(for: "r1", until: 4_102_444_800))
        #expect(try site.join("/join/r1?token=\(token)").result == "SUCCESS")
        #expect(try site.join("/join/r2?token=\(token)").result == "ERROR")
    }

    @Test func joiningALargerRoomTellsWhoIsThere() throws {
        _ = site.lobby.create("mesh", capacity: 3)
        let first = try site.join("/join/mesh").params["client_id"]?.text ?? ""
        #expect(try site.join("/join/mesh").params["peers"] == .strings([first]))
        #expect(try site.join("/join/r1").params["peers"] == nil)
    }

    @Test func loopbackFillsTheRoomAndForwardsUntilItIsLeft() throws {
        let joined = try site.join("/join/r1?debug=loopback")
        let client = joined.params["client_id"]?.text ?? ""
        #expect(joined.params["is_loopback"] == .string("true"))
        #expect(joined.params["include_loopback_js"]?.text.contains("/js/loopback.js") == true)
        #expect(try site.join("/join/r1").result == "FULL")
        #expect(site.text(.POST, "/message/r1/\(client)", "m") == #"{"result":"SUCCESS"}"#)
        _ = site.answer(.POST, "/leave/r1/\(client)")
        #expect(try site.join("/join/r1?debug=loopback").result == "SUCCESS")
    }

    // MARK: Analytics

    @Test(arguments: [
        #"{"type":"event","request_time_ms":10000,"client_type":1,"event":{"event_type":3,"event_time_ms":8000,"room_id":"r","flow_id":1}}"#,
        #"{"type":"event","request_time_ms":1,"event":{"event_type":2,"event_time_ms":1}}"#,
    ])
    func anEventIsTaken(body: String) {
        #expect(site.text(.POST, "/a/", body) == #"{"result":"SUCCESS"}"#)
    }

    @Test(arguments: [
        "", "x",
        #"{"type":"other","request_time_ms":1,"event":{"event_type":2,"event_time_ms":1}}"#,
        #"{"request_time_ms":1,"event":{"event_type":2,"event_time_ms":1}}"#,
        #"{"type":"event","event":{"event_type":2,"event_time_ms":1}}"#,
        #"{"type":"event","request_time_ms":1}"#,
        #"{"type":"event","request_time_ms":1,"event":{"event_time_ms":1}}"#,
        #"{"type":"event","request_time_ms":1,"event":{"event_type":2}}"#,
    ])
    func anEventThatLacksSomethingIsInvalid(body: String) {
        #expect(site.text(.POST, "/a/", body) == #"{"result":"INVALID_REQUEST"}"#)
    }
}
