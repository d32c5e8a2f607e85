/// Room tokens and the admin's: what is accepted, and everything near it that is not.

import NIOHTTP1
import Testing
import Tokens

@testable import Control

@Suite struct TokensTests {
    private let tokens = RoomTokens(key: "0123456789abcdef")

    @Test func aTokenOpensItsRoomUntilItExpires() throws {
        let token = try #require(tokens.token(for: "r1", until: 1000))
        #expect(tokens.accepts(token, for: "r1", at: 999))
        #expect(!tokens.accepts(token, for: "r1", at: 1000))
        #expect(!tokens.accepts(token, for: "r2", at: 999))
    }

    @Test func aTokenOfAnotherKeyIsRefused() throws {
        let token = try #require(RoomTokens(key: "fedcba9876543210").token(for: "r1", until: 1000))
        #expect(!tokens.accepts(token, for: "r1", at: 0))
    }

    @Test func noPartOfATokenCanBeChanged() throws {
        let token = try #require(tokens.token(for: "r1", until: 1000))
        for index in token.indices {
            var changed = token
            changed.replaceSubrange(index...index, with: token[index] == "1" ? "2" : "1")
            #expect(!tokens.accepts(changed, for: "r1", at: 0), "\(changed)")
        }
        for end in ["", ".", "0", ".0"] where !end.isEmpty {
            #expect(!tokens.accepts(token + end, for: "r1", at: 0))
        }
        #expect(!tokens.accepts(String(token.dropLast()), for: "r1", at: 0))
    }

    @Test(arguments: ["", ".", "..", "1000", "1000.", "+1000.x", "99999999999999999999999.x"])
    func whatIsNoTokenIsRefused(_ text: String) {
        #expect(!tokens.accepts(text, for: "r1", at: 0))
    }

    @Test func withoutAKeyThereAreNoTokens() {
        let tokens = RoomTokens(key: "short")
        #expect(tokens.token(for: "r1", until: 1000) == nil)
        #expect(!tokens.accepts("1000.00000000000000000000000000000000", for: "r1", at: 0))
    }

    @Test func aTokenIsReadFromTheQueryOrTheHeader() {
        #expect(makeRequest("/join/r1?token=1.2").roomToken == "1.2")
        #expect(
            makeRequest("/", headers: ["Authorization": "bearer 1.2"]).roomToken == "1.2"
        )
        #expect(makeRequest("/", headers: ["Authorization": "Basic 1.2"]).roomToken == nil)
        #expect(makeRequest("/", headers: ["Authorization": "Bearer"]).roomToken == nil)
        #expect(makeRequest("/").roomToken == nil)
    }

    @Test func theAdminIsKnownByItsTokenAlone() {
        var configuration = ControlConfiguration()
        let empty = makeRequest("/", headers: ["Authorization": "Bearer "])
        #expect(!empty.isFromAdmin(configuration))
        configuration.adminToken = "correct horse"
        let right = makeRequest("/", headers: ["Authorization": "Bearer correct horse"])
        #expect(right.isFromAdmin(configuration))
        #expect(!makeRequest("/?token=correct horse").isFromAdmin(configuration))
        let wrong = makeRequest("/", headers: ["Authorization": "Bearer correct horsf"])
        #expect(!wrong.isFromAdmin(configuration))
        #expect(!makeRequest("/", isLocal: true).isFromAdmin(configuration))
        #expect(!makeRequest("/", from: "").isFromAdmin(configuration))
        let socket = makeRequest("/", from: "", isLocal: true)
        #expect(socket.isFromAdmin(ControlConfiguration()))
    }

    @Test func roomsAreOpenUntilTokensAreRequired() throws {
        var configuration = ControlConfiguration()
        configuration.roomTokenKey = "0123456789abcdef"
        configuration.adminToken = "correct horse"
        #expect(configuration.admits(makeRequest("/"), to: "r1", at: 0))
        configuration.rooms.requiresToken = true
        #expect(!configuration.admits(makeRequest("/"), to: "r1", at: 0))
        let token = try #require(tokens.token(for: "r1", until: 1000))
        #expect(configuration.admits(makeRequest("/?token=\(token)"), to: "r1", at: 0))
        #expect(!configuration.admits(makeRequest("/?token=\(token)"), to: "r2", at: 0))
        let admin = makeRequest("/", headers: ["Authorization": "Bearer correct horse"])
        #expect(configuration.admits(admin, to: "r2", at: 0))
    }
}
