/// Who is in a room and who makes the offer (apprtc.md 2.4 to 2.6, 3.4 to 3.6, 8).

import NIOCore
import Testing

@testable import Control

@Suite struct RoomsTests {
    private let fixture = LobbyFixture()

    /// Two who joined and registered.
    private func call(
        in room: String = "r1"
    ) throws -> (first: TestParticipant, TestSocket, second: TestParticipant, TestSocket) {
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
        #expect(fixture.lobby.join("r1") == .full)
        #expect(fixture.lobby.isFull("r1"))
        fixture.lobby.leave(first.client, from: "r1")
        fixture.lobby.leave(second.client, from: "r1")
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
            #expect(fixture.message(text, from: first.client, in: "r1") == .success)
        }
        let second = try fixture.join("r1")
        #expect(second.messages == ["m1", "m2", "m3"])
        #expect(fixture.register(second.client, in: "r1").frames.isEmpty)
    }

    @Test func betweenJoiningAndRegisteringMessagesWaitForTheSocket() throws {
        let first = try fixture.join("r1")
        let second = try fixture.join("r1")
        #expect(fixture.message("m", from: first.client, in: "r1") == .success)
        #expect(fixture.register(second.client, in: "r1").takeMessages() == ["m"])
    }

    @Test func withBothThereMessagesGoOverTheSocketEitherWay() throws {
        let (first, firstSocket, _, secondSocket) = try call()
        #expect(fixture.message("offer", from: first.client, in: "r1") == .success)
        #expect(secondSocket.takeMessages() == ["offer"])
        fixture.send("answer", secondSocket)
        #expect(firstSocket.takeMessages() == ["answer"])
    }

    @Test func whoIsUnknownIsToldWhatIsUnknown() throws {
        #expect(fixture.message("m", from: "c1", in: "r1") == .unknownRoom)
        fixture.register("c1", in: "r1")
        #expect(fixture.message("m", from: "c1", in: "r1") == .unknownRoom)
        _ = try fixture.join("r1")
        #expect(fixture.message("m", from: "c1", in: "r1") == .unknownClient)
    }

    @Test func theStoreIsBoundedAloneAndWithAnother() throws {
        let first = try fixture.join("r1")
        for _ in 0..<1024 { _ = fixture.message("m", from: first.client, in: "r1") }
        let alone = fixture.message("m", from: first.client, in: "r1")
        #expect(alone == .refused(isAlone: true))
        _ = try fixture.join("r1")
        for _ in 0..<1024 { _ = fixture.message("m", from: first.client, in: "r1") }
        let together = fixture.message("m", from: first.client, in: "r1")
        #expect(together == .refused(isAlone: false))
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
        #expect(fixture.lobby.leave(second.client, from: "r1"))
        #expect(!secondSocket.isClosed)
        fixture.send(bye, secondSocket)
        #expect(firstSocket.takeMessages() == [bye])
        #expect(fixture.message("offer", from: first.client, in: "r1") == .success)
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
        #expect(fixture.lobby.leave(first.client, from: "r1"))
        #expect(!fixture.lobby.leave(first.client, from: "r1"))
        #expect(!fixture.lobby.leave("c1", from: "r9"))
        #expect(fixture.message("m", from: first.client, in: "r1") == .unknownRoom)
    }

    @Test func whenTheInitiatorLeavesTheOtherIsInitiator() throws {
        let (first, _, second, _) = try call()
        fixture.lobby.leave(first.client, from: "r1")
        let expected = RoomDocument.Participant(
            id: second.client,
            isInitiator: true,
            isConnected: true
        )
        #expect(fixture.lobby.get("r1")?.participants == [expected])
        #expect(try !fixture.join("r1").isInitiator)
    }

    @Test func theByeOfOneWhoLeftDoesNotReachTheNextWhoCame() throws {
        let (_, firstSocket, second, secondSocket) = try call()
        fixture.lobby.leave(second.client, from: "r1")
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
        fixture.lobby.leave(second.client, from: "r1")
        #expect(fixture.post(bye, from: second.client, in: "r1") == nil)
        #expect(socket.takeMessages() == [bye])
        fixture.pass(11)
        #expect(socket.frames.isEmpty)
    }

    @Test func aByeByTheRoomServerIsAMessageLikeAnother() throws {
        let first = try fixture.join("r1")
        #expect(fixture.message("offer", from: first.client, in: "r1") == .success)
        #expect(fixture.message(bye, from: first.client, in: "r1") == .success)
        #expect(try fixture.join("r1").messages == ["offer", bye])
    }

    @Test func manyWhoJoinAndLeaveLeaveNothingBehind() throws {
        for _ in 0..<10_000 {
            let client = try fixture.join("r1").client
            fixture.lobby.leave(client, from: "r1")
        }
        fixture.pass(11)
        #expect(fixture.counters[.rooms] == 0 && fixture.counters[.participants] == 0)
    }

    // MARK: Vanishing

    @Test func aClosedTabFreesItsSeatAtOnceAndTheNewOfferIsForTheNext() throws {
        let (first, firstSocket, _, secondSocket) = try call()
        fixture.send(bye, secondSocket)
        #expect(firstSocket.takeMessages() == [bye])
        #expect(fixture.message("offer", from: first.client, in: "r1") == .success)
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
        #expect(fixture.lobby.join("r1") == .full)
        #expect(firstSocket.frames.isEmpty)
        #expect(fixture.message("candidate", from: first.client, in: "r1") == .success)
        fixture.pass(0.1)
        #expect(firstSocket.takeMessages() == [bye])
        #expect(fixture.counters[.seatsFreed] == 1)
        #expect(fixture.message("offer", from: first.client, in: "r1") == .success)
        let third = try fixture.join("r1")
        #expect(!third.isInitiator && third.messages == ["candidate", "offer"])
    }

    @Test func aSocketThatComesBackInTimeKeepsItsSeatAndMissesNothing() throws {
        let (first, firstSocket, second, secondSocket) = try call()
        fixture.close(secondSocket)
        fixture.pass(5)
        #expect(fixture.message("m", from: first.client, in: "r1") == .success)
        let again = fixture.register(second.client, in: "r1")
        #expect(again.takeMessages() == ["m"])
        fixture.pass(3600)
        #expect(firstSocket.frames.isEmpty)
        #expect(fixture.lobby.isParticipant(second.client, in: "r1"))
    }

    @Test func whoJoinsAndNeverRegistersIsGoneAfterThirtySeconds() throws {
        let first = try fixture.join("r1")
        fixture.pass(29.9)
        #expect(fixture.lobby.isParticipant(first.client, in: "r1"))
        fixture.pass(0.1)
        #expect(!fixture.lobby.isParticipant(first.client, in: "r1"))
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
        fixture.lobby.leave(second.client, from: "r1")
        fixture.close(secondSocket)
        fixture.pass(10)
        #expect(firstSocket.takeMessages() == [bye])
        let third = try fixture.join("r1")
        let thirdSocket = fixture.register(third.client, in: "r1")
        fixture.lobby.leave(third.client, from: "r1")
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
        #expect(fixture.lobby.join("r1") == .full)
        let socket = fixture.register(client.client, in: "r1")
        #expect(fixture.message("offer", from: client.client, in: "r1") == .success)
        let echo = fixture.register(name, in: "r1")
        #expect(echo.takeMessages() == ["offer"])
        fixture.send("answer", echo)
        #expect(socket.takeMessages() == ["answer"])
        fixture.lobby.leave(client.client, from: "r1")
        #expect(try fixture.join("r1").isInitiator)
    }

    @Test func aLoopbackRoomEndsWithItsOneParticipant() throws {
        _ = try fixture.join("r1", isLoopback: true)
        fixture.pass(31)
        #expect(fixture.counters[.rooms] == 0 && fixture.counters[.participants] == 0)
    }

    @Test func askingForLoopbackInAnOccupiedRoomAddsNobody() throws {
        _ = try fixture.join("r1")
        _ = try fixture.join("r1", isLoopback: true)
        #expect(fixture.lobby.get("r1")?.occupancy == 2)
    }
}
