/// Who gets TURN credentials, what is in them, and how often.

import NIOHTTP1
import TURN
import Testing
import Tokens

@testable import Control

@Suite struct ICEServersTests {
    private let now = Now(monotonic: Instant(nanoseconds: 1_000_000_000_000), unixSeconds: 5000)
    private let counters = ControlCounters()

    private var configuration: ControlConfiguration {
        var configuration = ControlConfiguration()
        configuration.ice.udpPort = 3478
        configuration.ice.secret = "the secret of tests"
        configuration.ice.lifetimeSeconds = 3600
        configuration.roomTokenKey = "0123456789abcdef"
        return configuration
    }

    private func servers(_ configuration: ControlConfiguration? = nil) -> ICEServers {
        ICEServers(configuration ?? self.configuration, counters: counters) { client, room in
            client == "alice" && room == "r1"
        }
    }

    /// What a page of ours is told to ask.
    private func target(_ url: String) -> String {
        String(url.drop { $0 != "?" })
    }

    private func get(_ servers: ICEServers, _ query: String, at now: Now? = nil) -> Response {
        servers.reply(to: makeRequest("/v1alpha/iceconfig" + query, at: now ?? self.now))
    }

    @Test func aParticipantGetsCredentialsWithExpiryRoomAndName() throws {
        let response = get(servers(), "?room=r1&client=alice")
        #expect(response.status == .ok)
        let server = try #require(try response.decoded(ICEConfiguration.self).iceServers.first)
        #expect(server.urls == ["turn:turn.example.org:3478?transport=udp"])
        #expect(server.username == "8600:r1.alice")
        let secret = Array("the secret of tests".utf8)
        let right = TimeLimitedCredentials.make(secret: secret, user: "r1.alice", expiry: 8600)
        #expect(server.credential == right.password)
        #expect(counters[.credentialsIssued] == 1)
    }

    @Test(arguments: ["", "?key=", "?room=r1", "?room=r1&client=mallory", "?client=alice&room=r2"])
    func othersGetNone(_ query: String) throws {
        let response = get(servers(), query)
        #expect(response.status == .unauthorized)
        #expect(try response.decoded(Problem.self).status == 401)
        #expect(counters[.credentialsRefused] == 1)
    }

    @Test func theAddressThatPagesAreToldHoldsAKeyForAWhile() throws {
        let servers = servers()
        let page = makeRequest("/params", at: now)
        let url = servers.url(for: page)
        #expect(url.hasPrefix("http://turn.example.org:8080/v1alpha/iceconfig?key="))
        #expect(get(servers, target(url)).status == .ok)
        var later = now
        later.unixSeconds += ICEServers.keySeconds
        #expect(get(servers, target(url), at: later).status == .unauthorized)
        #expect(
            get(servers, target(url).replacing("visitor", with: "Visitor")).status == .unauthorized
        )
        #expect(get(self.servers(nil), target(url)).status == .ok, "the key outlives a restart")
    }

    @Test func aKeySaysForWhomItIs() throws {
        let servers = servers()
        let url = servers.url(for: makeRequest("/", at: now), room: "r7", participant: "bob")
        let answer = try get(servers, target(url)).decoded(ICEConfiguration.self)
        #expect(answer.iceServers.first?.username == "8600:r7.bob")
    }

    @Test func whereTokensAreRequiredAPageNeedsOne() throws {
        var configuration = configuration
        configuration.rooms.requiresToken = true
        let servers = servers(configuration)
        #expect(!servers.url(for: makeRequest("/r/r1", at: now), room: "r1").contains("key="))
        let token = try #require(
            RoomTokens(key: configuration.roomTokenKey).token(for: "r1", until: 9000)
        )
        let page = makeRequest("/r/r1?token=\(token)", at: now)
        #expect(servers.url(for: page, room: "r1").contains("key="))
        #expect(servers.url(for: makeRequest("/"), room: "r1", participant: "x").contains("key="))
        #expect(get(servers, "?room=r1&token=\(token)").status == .ok)
        #expect(get(servers, "?room=r2&token=\(token)").status == .unauthorized)
    }

    @Test(arguments: ["a b", "a:", "r1.x", "<ü>", String(repeating: "x", count: 129)])
    func aTokenOfWhatCouldBeNoRoomGetsNone(_ room: String) throws {
        let token = try #require(
            RoomTokens(key: configuration.roomTokenKey).token(for: room, until: 9000)
        )
        #expect(get(servers(), "?room=\(room)&token=\(token)").status == .unauthorized)
    }

    @Test func oneParticipantIsLimitedAndThenServedAgain() {
        let servers = servers()
        // From a program of this machine: no limit but the participant's.
        var request = makeRequest("/?room=r1&client=alice", isLocal: true, at: now)
        let refused = (0..<100).first { _ in
            servers.reply(to: request).status == .tooManyRequests
        }
        #expect(refused == 12)
        request.time.monotonic = now.monotonic.advanced(bySeconds: 10)
        #expect(servers.reply(to: request).status == .ok)
        #expect(servers.reply(to: request).headers["Retry-After"] == ["10"])
    }

    @Test func oneAddressIsLimitedHoweverManyKeysItHas() {
        let servers = servers()
        let refused = (0..<200).first { _ in
            let url = servers.url(for: makeRequest("/params", at: now))
            return get(servers, target(url)).status == .tooManyRequests
        }
        #expect(refused == 60)
        let other = makeRequest("/?room=r1&client=alice", from: "203.0.113.1", at: now)
        #expect(servers.reply(to: other).status == .ok)
    }

    @Test func urlsFollowTheConfiguration() throws {
        var configuration = configuration
        configuration.ice.tcpPort = 3479
        configuration.ice.tlsPort = 5349
        func urls(_ host: String = "[2001:db8::1]") throws -> [String] {
            let headers: HTTPHeaders = ["Host": "\(host):8443"]
            let request = makeRequest("/?room=r1&client=alice", headers: headers, at: now)
            let answer = servers(configuration).reply(to: request)
            return try answer.decoded(ICEConfiguration.self).iceServers.flatMap(\.urls)
        }
        let made = ["turn:", ":3478?transport=udp"].joined(separator: "[2001:db8::1]")
        #expect(try urls() == [made, "turn:[2001:db8::1]:3479?transport=tcp"])
        #expect(try urls("192.0.2.1").contains { $0.hasPrefix("turns:") } == false)
        #expect(
            try urls("turn.example.org") == [
                "turn:turn.example.org:3478?transport=udp",
                "turn:turn.example.org:3479?transport=tcp",
                "turns:turn.example.org:5349?transport=tcp",
            ]
        )
        configuration.ice.urls = ["turn:relay.example.org"]
        #expect(try urls() == ["turn:relay.example.org"])
        configuration.ice.urls = []
        configuration.ice.secret = ""
        #expect(try urls() == [], "no entry rather than one without credentials")
    }

    @Test func hostsAreThoseThatCouldBe() {
        for good in [
            "a", "a:1", "turn.example.org:8080", "127.0.0.1", "[::1]", "[::1]:80", "a_b-c",
        ] {
            #expect(Request.host(of: good) != nil, "\(good)")
        }
        for bad in [
            "", ":80", "a b", "a/b", "a:", "a:b", "a:65536", "a:+1", "[::1", "[a]", "[::1]x", "::1",
        ] {
            #expect(Request.host(of: bad) == nil, "\(bad)")
        }
        #expect(makeRequest("/", headers: ["Host": "\"><script>"]).origin == "http://localhost")
    }

    @Test func aProxyOfThisMachineNamesTheOrigin() {
        let headers: HTTPHeaders = [
            "Host": "127.0.0.1:8080", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "a.example",
        ]
        #expect(makeRequest("/", headers: headers, isLocal: true).origin == "https://a.example")
        #expect(makeRequest("/", headers: headers).origin == "http://127.0.0.1:8080")
        #expect(makeRequest("/", isEncrypted: true).origin == "https://turn.example.org:8080")
    }
}
