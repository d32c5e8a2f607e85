/// Rooms made ahead and rooms of more than two, which AppRTC has not.

import NIOCore
import Testing

@testable import Control

@Suite struct RoomsMeshTests {
    private let fixture = LobbyFixture()

    private func mesh() throws -> [(client: String, socket: TestSocket)] {
        _ = fixture.lobby.create("mesh", capacity: 3)
        return try (0..<3).map { _ in
            let client = try fixture.join("mesh").client
            return (client, fixture.register(client, in: "mesh"))
        }
    }

    @Test func aMessageReachesAllOthersAndNamesItsSender() throws {
        let all = try mesh()
        fixture.send("m", all[0].socket)
        let frame = "{\"msg\":\"m\",\"error\":\"\",\"from\":\"\(all[0].client)\"}\n"
        #expect(all.map(\.socket.frames) == [[], [frame], [frame]])
        #expect(fixture.lobby.join("mesh") == nil)
    }

    @Test func aMessageThatNamesSomebodyReachesNobodyElse() throws {
        let all = try mesh()
        fixture.send("m", all[0].socket, to: all[2].client)
        fixture.send("n", all[0].socket, to: "nobody")
        #expect(all.map { $0.socket.takeMessages() } == [[], [], ["m"]])
        #expect(!all[0].socket.isClosed)
    }

    @Test func eachGetsWhatWaitedForItAndNothingElse() throws {
        let all = try mesh()
        fixture.close(all[1].socket)
        fixture.close(all[2].socket)
        fixture.send("all", all[0].socket)
        fixture.send("two", all[0].socket, to: all[2].client)
        let two = fixture.register(all[2].client, in: "mesh")
        #expect(two.takeMessages() == ["all", "two"])
        let one = fixture.register(all[1].client, in: "mesh")
        #expect(one.takeMessages() == ["all"])
    }

    @Test func whatWaitedForOneWhoIsGoneIsForNobody() throws {
        let all = try mesh()
        fixture.close(all[2].socket)
        fixture.send("m", all[0].socket, to: all[2].client)
        fixture.pass(10)
        let gone =
            "{\"msg\":\"{\\\"type\\\":\\\"bye\\\"}\",\"error\":\"\",\"from\":\"\(all[2].client)\"}\n"
        #expect(all[0].socket.frames == [gone])
        let next = try fixture.join("mesh")
        #expect(next.messages.isEmpty && next.peers == [all[0].client, all[1].client])
        #expect(fixture.register(next.client, in: "mesh").frames.isEmpty)
    }

    @Test func inARoomOfTwoNamingSomebodyMeansNothing() throws {
        let first = try fixture.join("r1")
        let second = try fixture.join("r1")
        let firstSocket = fixture.register(first.client, in: "r1")
        let secondSocket = fixture.register(second.client, in: "r1")
        fixture.send("m", firstSocket, to: "nobody")
        #expect(secondSocket.frames == ["{\"msg\":\"m\",\"error\":\"\"}\n"])
    }

    @Test func aByeToOneIsNotLeaving() throws {
        let all = try mesh()
        fixture.send(bye, all[0].socket, to: all[1].client)
        #expect(fixture.isParticipant(all[0].client, in: "mesh"))
        fixture.send(bye, all[0].socket)
        #expect(!fixture.isParticipant(all[0].client, in: "mesh"))
    }

    // MARK: Rooms made ahead

    @Test func aRoomMadeAheadStaysWhileNobodyIsInItUntilItsTimeIsOver() throws {
        let room = try #require(fixture.lobby.create("r1", capacity: 2))
        #expect(room.name == "r1" && room.capacity == 2 && room.participants.isEmpty)
        #expect(fixture.lobby.create("r1") == nil)
        fixture.pass(86_000)
        let client = try fixture.join("r1").client
        fixture.leave(client, from: "r1")
        fixture.pass(86_300)
        #expect(fixture.lobby.get("r1") != nil)
        fixture.pass(200)
        #expect(fixture.lobby.get("r1") == nil)
        #expect(fixture.counters[.rooms] == 0)
    }

    @Test func aRoomInUseDoesNotEnd() throws {
        _ = fixture.lobby.create("r1")
        let client = try fixture.join("r1").client
        fixture.register(client, in: "r1")
        fixture.pass(200_000)
        #expect(fixture.isParticipant(client, in: "r1"))
    }

    @Test func aRoomMayBeGivenAName() throws {
        let room = try #require(fixture.lobby.create())
        #expect(Lobby.isName(room.name) && fixture.lobby.get(room.name) === room)
    }

    @Test func deletingARoomEndsItForAllInIt() throws {
        let all = try mesh()
        fixture.lobby.delete(try #require(fixture.lobby.get("mesh")))
        for (_, socket) in all {
            #expect(socket.isClosed)
            #expect(socket.takeMessages() == [bye])
        }
        #expect(fixture.lobby.get("mesh") == nil)
        #expect(fixture.counters[.participants] == 0 && fixture.counters[.registered] == 0)
    }

    @Test func oneWhoIsKickedHearsByeAsTheOthersDo() throws {
        let first = try fixture.join("r1")
        let second = try fixture.join("r1")
        let firstSocket = fixture.register(first.client, in: "r1")
        let secondSocket = fixture.register(second.client, in: "r1")
        fixture.lobby.kick(try #require(fixture.lobby.participant(second.client, in: "r1")))
        #expect(firstSocket.takeMessages() == [bye] && !firstSocket.isClosed)
        #expect(secondSocket.takeMessages() == [bye] && secondSocket.isClosed)
        #expect(!fixture.isParticipant(second.client, in: "r1"))
    }

    @Test func roomsAreListedByNameAPageAtATimeWithoutThoseOfStrangers() throws {
        for name in ["b", "a", "c"] { _ = try fixture.join(name) }
        fixture.register("c1", in: "strangers")
        #expect(fixture.lobby.list(limit: 2).map(\.name) == ["a", "b"])
        #expect(fixture.lobby.list(after: "b").map(\.name) == ["c"])
    }
}
