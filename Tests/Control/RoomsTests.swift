/// Who is in a room and who makes the offer (apprtc.md 2.4 to 2.6, 3.4 to 3.6, 8).

import NIOCore
import Testing

@testable import Control

@Suite struct RoomsTests {
    private let fixture = LobbyFixture()

    /// Two who joined and registered.
    private func call(
        in room: String = "r1"
    ) throws -> (first: Participation, TestSocket, second: Participation, TestSocket) {
        let first = try fixture.join(room)
        let firstSocket = fixture.register(first.client, in: room)
        let second = try fixture.join(room)
        return (first, firstSocket, second, fixture.register(second.client, in: room))
    }

    // MARK: Joining

    @Test func theFirstIsInitiatorTheSecondIsNotAThirdFindsTheRoomFullAndAfterBothLeftItBeginsAnew()
        throws
    {
        let first = try fixture.join("r1")
        let second = try fixture.join("r1")
        #expect(first.isInitiator && !second.isInitiator)
        #expect(fixture.lobby.join("r1") == nil)
        #expect(fixture.lobby.isFull("r1"))
        fixture.leave(first.client, from: "r1")
        fixture.leave(second.client, from: "r1")
        #expect(fixture.lobby.get("r1") == nil)
        #expect(try fixture.join("r1").isInitiator)
    }

    @Test func clientIdsAreLongNamesThatDoNotRepeat() throws {
        let clients = try (0..<100).map { try fixture.join("r\($0)").client }
        #expect(Set(clients).count == 100)
        #expect(clients.allSatisfy { $0.utf8.count >= 20 && Lobby.isName($0) })
    }

    @Test(arguments: [("r-1_A", true), ("", false), ("a/b", false), ("ä", false), ("a b", false)])
    func roomsHaveNamesOfLettersDigitsDashAndUnderscore(name: String, isName: Bool) {
        #expect(Lobby.isName(name) == isName)
        #expect(Lobby.isName(String(repeating: "x", count: 128)))
        #expect(!Lobby.isName(String(repeating: "x", count: 129)))
    }

    @Test func messagesStoredAloneReachTheSecondInOrderWhenItJoinsAndOnlyThen() throws {
        let first = try fixture.join("r1")
        for text in ["m1", "m2", "m3"] {
            #expect(fixture.message(text, from: first.client, in: "r1") == nil)
        }
        let second = try fixture.join("r1")
        #expect(second.messages == ["m1", "m2", "m3"])
        #expect(fixture.register(second.client, in: "r1").frames.isEmpty)
    }

    @Test func betweenJoiningAndRegisteringMessagesWaitForTheSocket() throws {
        let first = try fixture.join("r1")
        let second = try fixture.join("r1")
        #expect(fixture.message("m", from: first.client, in: "r1") == nil)
        #expect(fixture.register(second.client, in: "r1").takeMessages() == ["m"])
    }

    @Test func withBothThereMessagesGoOverTheSocketEitherWay() throws {
        let (first, firstSocket, _, secondSocket) = try call()
        #expect(fixture.message("offer", from: first.client, in: "r1") == nil)
        #expect(secondSocket.takeMessages() == ["offer"])
        fixture.send("answer", secondSocket)
        #expect(firstSocket.takeMessages() == ["answer"])
    }

    @Test func aRoomOfStrangersIsNone() throws {
        fixture.register("c1", in: "r1")
        #expect(fixture.lobby.get("r1") == nil && !fixture.isParticipant("c1", in: "r1"))
        _ = try fixture.join("r1")
        #expect(fixture.lobby.get("r1") != nil && !fixture.isParticipant("c1", in: "r1"))
    }

    @Test func theStoreIsBoundedAloneAndWithAnother() throws {
        let first = try fixture.join("r1")
        for _ in 0..<1024 { _ = fixture.message("m", from: first.client, in: "r1") }
        #expect(fixture.message("m", from: first.client, in: "r1") == .queueIsFull)
        _ = try fixture.join("r1")
        for _ in 0..<1024 { _ = fixture.message("m", from: first.client, in: "r1") }
        #expect(fixture.message("m", from: first.client, in: "r1") == .queueIsFull)
    }

    // MARK: Strangers

    @Test func aStrangerCannotSignalAmongParticipants() throws {
        let first = try fixture.join("r1")
        #expect(fixture.register("spy", in: "r1").isClosed)
        #expect(fixture.post("m", from: "spy", in: "r1") == .roomIsFull)
        fixture.send("m", fixture.register(first.client, in: "r1"))
        #expect(try fixture.join("r1").messages == ["m"])
    }

    @Test func aStrangerWhoWaitsIsSentAwayWhenSomebodyJoins() throws {
        let spy = fixture.register("spy", in: "r1")
        let first = try fixture.join("r1")
        #expect(spy.isClosed)
        fixture.send("m", fixture.register(first.client, in: "r1"))
        #expect(spy.frames.isEmpty)
    }

    @Test func whereTokensAreRequiredOnlyParticipantsSignal() throws {
        let fixture = LobbyFixture { $0.requiresToken = true }
        #expect(fixture.register("c1", in: "r1").isClosed)
        let first = try fixture.join("r1")
        #expect(!fixture.register(first.client, in: "r1").isClosed)
    }

    // MARK: Hanging up

    @Test func leavingThenByeThenDeleteLetsTheOtherOfferToTheNext() throws {
        let (first, firstSocket, second, secondSocket) = try call()
        #expect(fixture.leave(second.client, from: "r1"))
        #expect(!secondSocket.isClosed)
        fixture.send(bye, secondSocket)
        #expect(firstSocket.takeMessages() == [bye])
        #expect(fixture.message("offer", from: first.client, in: "r1") == nil)
        fixture.close(secondSocket)
        fixture.lobby.remove(second.client, from: "r1")
        let third = try fixture.join("r1")
        #expect(!third.isInitiator && third.messages == ["offer"])
        #expect(secondSocket.takeMessages().isEmpty)
        fixture.register(third.client, in: "r1")
        fixture.pass(60)
        #expect(firstSocket.frames.isEmpty)
    }

    @Test func leavingTwiceOrWithoutBeingThereChangesNothing() throws {
        let first = try fixture.join("r1")
        #expect(fixture.leave(first.client, from: "r1"))
        #expect(!fixture.leave(first.client, from: "r1"))
        #expect(!fixture.leave("c1", from: "r9"))
        #expect(fixture.message("m", from: first.client, in: "r1") == .invalidClient)
    }

    @Test func whenTheInitiatorLeavesTheOtherIsInitiator() throws {
        let (first, _, second, _) = try call()
        fixture.leave(first.client, from: "r1")
        let expected = RoomDocument.Participant(
            id: second.client,
            isInitiator: true,
            isConnected: true
        )
        let room = try #require(fixture.lobby.get("r1"))
        #expect(RoomDocument(room, forAdmin: true).participants == [expected])
        #expect(try !fixture.join("r1").isInitiator)
    }

    @Test func theByeOfOneWhoLeftDoesNotReachTheNextWhoCame() throws {
        let (_, firstSocket, second, secondSocket) = try call()
        fixture.leave(second.client, from: "r1")
        let third = try fixture.join("r1")
        let thirdSocket = fixture.register(third.client, in: "r1")
        fixture.send(bye, secondSocket)
        #expect(firstSocket.takeMessages() == [bye])
        #expect(thirdSocket.frames.isEmpty)
    }

    @Test func aByeSentByPostAfterLeavingReachesTheOther() throws {
        let first = try fixture.join("r1")
        let socket = fixture.register(first.client, in: "r1")
        let second = try fixture.join("r1")
        fixture.leave(second.client, from: "r1")
        #expect(fixture.post(bye, from: second.client, in: "r1") == nil)
        #expect(socket.takeMessages() == [bye])
        fixture.pass(11)
        #expect(socket.frames.isEmpty)
    }

    @Test func aByeByTheRoomServerIsAMessageLikeAnother() throws {
        let first = try fixture.join("r1")
        #expect(fixture.message("offer", from: first.client, in: "r1") == nil)
        #expect(fixture.message(bye, from: first.client, in: "r1") == nil)
        #expect(try fixture.join("r1").messages == ["offer", bye])
    }

    @Test func manyWhoJoinAndLeaveLeaveNothingBehind() throws {
        for _ in 0..<10_000 {
            let client = try fixture.join("r1").client
            fixture.leave(client, from: "r1")
        }
        fixture.pass(11)
        #expect(fixture.counters[.rooms] == 0 && fixture.counters[.participants] == 0)
    }

    // MARK: Vanishing

    @Test func aClosedTabFreesItsSeatAtOnceAndTheNewOfferIsForTheNext() throws {
        let (first, firstSocket, _, secondSocket) = try call()
        fixture.send(bye, secondSocket)
        #expect(firstSocket.takeMessages() == [bye])
        #expect(fixture.message("offer", from: first.client, in: "r1") == nil)
        #expect(secondSocket.takeMessages().isEmpty)
        fixture.close(secondSocket)
        let third = try fixture.join("r1")
        #expect(!third.isInitiator && third.messages == ["offer"])
        fixture.pass(60)
        #expect(firstSocket.takeMessages() == [bye], "the third never registered")
    }

    @Test func aLostSocketKeepsItsSeatForTenSecondsAndThenTheOtherHearsBye() throws {
        let (first, firstSocket, _, secondSocket) = try call()
        fixture.close(secondSocket)
        fixture.pass(9.9)
        #expect(fixture.lobby.join("r1") == nil)
        #expect(firstSocket.frames.isEmpty)
        #expect(fixture.message("candidate", from: first.client, in: "r1") == nil)
        fixture.pass(0.1)
        #expect(firstSocket.takeMessages() == [bye])
        #expect(fixture.counters[.seatsFreed] == 1)
        #expect(fixture.message("offer", from: first.client, in: "r1") == nil)
        let third = try fixture.join("r1")
        #expect(!third.isInitiator && third.messages == ["candidate", "offer"])
    }

    @Test func aSocketThatComesBackInTimeKeepsItsSeatAndMissesNothing() throws {
        let (first, firstSocket, second, secondSocket) = try call()
        fixture.close(secondSocket)
        fixture.pass(5)
        #expect(fixture.message("m", from: first.client, in: "r1") == nil)
        let again = fixture.register(second.client, in: "r1")
        #expect(again.takeMessages() == ["m"])
        fixture.pass(3600)
        #expect(firstSocket.frames.isEmpty)
        #expect(fixture.isParticipant(second.client, in: "r1"))
    }

    @Test func whoJoinsAndNeverRegistersIsGoneAfterThirtySeconds() throws {
        let first = try fixture.join("r1")
        fixture.pass(29.9)
        #expect(fixture.isParticipant(first.client, in: "r1"))
        fixture.pass(0.1)
        #expect(!fixture.isParticipant(first.client, in: "r1"))
        #expect(fixture.counters[.rooms] == 0)
    }

    @Test func aDeletedParticipantLosesItsSeatAndTheOtherHearsBye() throws {
        let (_, firstSocket, second, secondSocket) = try call()
        fixture.lobby.remove(second.client, from: "r1")
        #expect(secondSocket.isClosed)
        #expect(firstSocket.takeMessages() == [bye])
        #expect(!fixture.lobby.isFull("r1"))
    }

    @Test func whoLeavesWithoutAByeIsAnnouncedUnlessSomebodyHasCome() throws {
        let (_, firstSocket, second, secondSocket) = try call()
        fixture.leave(second.client, from: "r1")
        fixture.close(secondSocket)
        fixture.pass(10)
        #expect(firstSocket.takeMessages() == [bye])
        let third = try fixture.join("r1")
        let thirdSocket = fixture.register(third.client, in: "r1")
        fixture.leave(third.client, from: "r1")
        fixture.close(thirdSocket)
        let fourth = try fixture.join("r1")
        fixture.register(fourth.client, in: "r1")
        fixture.pass(10)
        #expect(firstSocket.frames.isEmpty)
    }

    // MARK: Loopback

    @Test(arguments: ["loopback_client_id", "LOOPBACK_CLIENT_ID"])
    func aLoopbackRoomIsFullAndItsOtherSeatHasEitherName(name: String) throws {
        let client = try fixture.join("r1", isLoopback: true)
        #expect(client.isInitiator && client.messages.isEmpty)
        #expect(fixture.lobby.join("r1") == nil)
        let socket = fixture.register(client.client, in: "r1")
        #expect(fixture.message("offer", from: client.client, in: "r1") == nil)
        let echo = fixture.register(name, in: "r1")
        #expect(echo.takeMessages() == ["offer"])
        fixture.send("answer", echo)
        #expect(socket.takeMessages() == ["answer"])
        fixture.leave(client.client, from: "r1")
        #expect(try fixture.join("r1").isInitiator)
    }

    @Test func aLoopbackRoomEndsWithItsOneParticipant() throws {
        _ = try fixture.join("r1", isLoopback: true)
        fixture.pass(31)
        #expect(fixture.counters[.rooms] == 0 && fixture.counters[.participants] == 0)
    }

    @Test func deletingALoopbackRoomFreesBothSeatsOnce() throws {
        let client = try fixture.join("r1", isLoopback: true).client
        let socket = fixture.register(client, in: "r1")
        fixture.lobby.delete(try #require(fixture.lobby.get("r1")))
        #expect(socket.takeMessages() == [bye] && socket.isClosed)
        #expect(fixture.counters[.rooms] == 0 && fixture.counters[.participants] == 0)
    }

    @Test func askingForLoopbackInAnOccupiedRoomAddsNobody() throws {
        _ = try fixture.join("r1")
        _ = try fixture.join("r1", isLoopback: true)
        #expect(fixture.lobby.get("r1")?.participants.count == 2)
    }
}
