/// Collider's behaviour (apprtc.md 1.4 to 1.11), client by client.

import NIOCore
import Testing

@testable import Control

@Suite struct SignallingTests {
    private let fixture = LobbyFixture()

    // MARK: Errors, word for word

    @Test func registeringTwiceOnOneSocketIsAnErrorAndClosesIt() {
        let socket = fixture.register("c1", in: "r1")
        fixture.say(#"{"cmd":"register","roomid":"r1","clientid":"c1"}"#, socket)
        #expect(socket.frames == ["{\"msg\":\"\",\"error\":\"Duplicated register request\"}\n"])
        #expect(socket.isClosed)
        #expect(fixture.counters[.webSocketErrors] == 1)
    }

    @Test func afterADuplicateRegisterRequestTheClientMayComeBackWithinTheGrace() {
        let socket = fixture.register("c1", in: "r1")
        fixture.say(#"{"cmd":"register","roomid":"r2","clientid":"c1"}"#, socket)
        let again = fixture.register("c1", in: "r1")
        #expect(again.frames.isEmpty && !again.isClosed)
        #expect(fixture.counters[.registered] == 1)
    }

    @Test(arguments: [
        #"{"cmd":"register"}"#, #"{"cmd":"register","roomid":"r1"}"#,
        #"{"cmd":"register","clientid":"c1"}"#, #"{"cmd":"register","roomid":"","clientid":"c1"}"#,
        #"{"cmd":"register","roomid":"r1","clientid":null}"#,
    ])
    func registeringWithoutAnIdIsAnErrorAndCloses(text: String) {
        let socket = TestSocket()
        fixture.say(text, socket)
        let error = "Invalid register request: missing 'clientid' or 'roomid'"
        #expect(socket.frames == ["{\"msg\":\"\",\"error\":\"\(error)\"}\n"])
        #expect(socket.isClosed)
    }

    @Test func asLongAsAnotherSocketIsRegisteredTheNewOneIsClosed() {
        let old = fixture.register("c1", in: "r1")
        let new = fixture.register("c1", in: "r1")
        #expect(new.frames == ["{\"msg\":\"\",\"error\":\"Duplicated registration\"}\n"])
        #expect(new.isClosed && !old.isClosed)
        fixture.close(new)
        let other = fixture.register("c2", in: "r1")
        fixture.send("m", other)
        #expect(old.takeMessages() == ["m"])
    }

    @Test func aThirdClientFindsNoCapacity() {
        fixture.register("c1", in: "r1")
        fixture.register("c2", in: "r1")
        let third = fixture.register("c3", in: "r1")
        #expect(third.frames == ["{\"msg\":\"\",\"error\":\"Max room capacity reached\"}\n"])
        #expect(third.isClosed)
        #expect(fixture.post("m", from: "c4", in: "r1") == .roomIsFull)
    }

    @Test func sendingBeforeRegisteringIsAnErrorAndCloses() {
        let socket = TestSocket()
        fixture.send("m", socket)
        #expect(socket.frames == ["{\"msg\":\"\",\"error\":\"Client not registered\"}\n"])
        #expect(socket.isClosed)
    }

    @Test(arguments: [#"{"cmd":"send"}"#, #"{"cmd":"send","msg":""}"#])
    func sendingNothingIsAnErrorAndClosesEvenAfterAGoodMessage(text: String) {
        let socket = fixture.register("c1", in: "r1")
        fixture.send("m", socket)
        fixture.say(text, socket)
        let error = "Invalid send request: missing 'msg'"
        #expect(socket.frames == ["{\"msg\":\"\",\"error\":\"\(error)\"}\n"])
        #expect(socket.isClosed)
    }

    @Test(arguments: ["{}", #"{"cmd":"join"}"#, #"{"msg":"m"}"#, "null"])
    func anUnknownCommandIsAnErrorThatIsForgiven(text: String) {
        let socket = TestSocket()
        fixture.say(text, socket)
        let error = "Invalid message: unexpected 'cmd'"
        #expect(socket.frames == ["{\"msg\":\"\",\"error\":\"\(error)\"}\n"])
        #expect(!socket.isClosed)
        fixture.say(#"{"cmd":"register","roomid":"r1","clientid":"c1"}"#, socket)
        #expect(fixture.counters[.registered] == 1)
    }

    @Test(arguments: [
        "", "x", "[]", #""register""#, "{", #"{"cmd":1}"#, "{}{}", #"{"cmd":["send"]}"#,
    ])
    func whatIsNoObjectOfStringsIsAnErrorAndCloses(text: String) throws {
        let socket = fixture.register("c1", in: "r1")
        fixture.say(text, socket)
        let frame = try #require(socket.frames.first)
        #expect(frame.hasPrefix(#"{"msg":"","error":"websocket.JSON.Receive error: "#))
        #expect(socket.isClosed)
        #expect(fixture.counters[.registered] == 0)
    }

    @Test func afterAnErrorThatClosesNothingMoreIsHeard() {
        let socket = TestSocket()
        fixture.send("m", socket)
        fixture.say(#"{"cmd":"register","roomid":"r1","clientid":"c1"}"#, socket)
        #expect(socket.frames.count == 1)
        #expect(fixture.counters[.registered] == 0)
    }

    @Test func aNameTooLongIsRefused() {
        let long = String(repeating: "x", count: 129)
        #expect(fixture.register(long, in: "r1").isClosed)
        #expect(fixture.post("m", from: "c1", in: long) == .invalidClient)
        #expect(fixture.counters[.rooms] == 0)
    }

    // MARK: Reading and writing

    @Test func fieldsMatchWhateverTheirCaseAndOthersAreIgnored() throws {
        let text = #"{ "CMD" : "register", "RoomID":"r", "clientid" : "c", "more": [1, {}] }"#
        #expect(try SignallingCommand(text) == .register(room: "r", client: "c"))
    }

    @Test func theMessageComesOutAsItWentInWithBothKeysInOrder() {
        let first = fixture.register("c1", in: "r1")
        let second = fixture.register("c2", in: "r1")
        fixture.send("{\"sdp\":\"a\r\nb\\\t\u{1}<&>\u{2028}\u{2029}ä😀\"}", first)
        #expect(
            second.frames == [
                #"{"msg":"{\"sdp\":\"a\r\nb\\\t\u0001\u003c\u0026\u003e\u2028\u2029ä😀\"}","error":""}"#
                    + "\n"
            ]
        )
    }

    // MARK: Queues

    @Test func whatIsSentAloneReachesWhoeverRegistersNextInOrderAndOnce() {
        let first = fixture.register("c1", in: "r1")
        fixture.send("m1", first)
        fixture.send("m2", first)
        let second = fixture.register("c2", in: "r1")
        #expect(second.takeMessages() == ["m1", "m2"])
        fixture.close(second)
        #expect(fixture.register("c2", in: "r1").takeMessages().isEmpty)
    }

    @Test func withBothRegisteredAMessageIsDeliveredAtOnceAndNotQueued() {
        let first = fixture.register("c1", in: "r1")
        let second = fixture.register("c2", in: "r1")
        fixture.send("m", first)
        #expect(second.takeMessages() == ["m"])
        #expect(first.takeMessages().isEmpty)
        #expect(fixture.counters[.messagesQueued] == 0)
        #expect(fixture.counters[.messagesRelayed] == 1)
    }

    @Test func messagesDoNotLeaveTheirRoom() {
        let first = fixture.register("c1", in: "r1")
        let other = fixture.register("c2", in: "r2")
        fixture.send("m", first)
        #expect(other.frames.isEmpty)
    }

    @Test func the1025thMessageIsRefused() {
        for _ in 0..<1024 { #expect(fixture.post("m", from: "c1", in: "r1") == nil) }
        #expect(fixture.post("m", from: "c1", in: "r1") == .queueIsFull)
        #expect(SignallingError.queueIsFull.rawValue == "Too many messages queued for the client")
        #expect(fixture.register("c2", in: "r1").takeMessages().count == 1024)
    }

    @Test func aQueueHoldsHalfAMebibyte() {
        let half = String(repeating: "x", count: 262_144)
        #expect(fixture.post(half, from: "c1", in: "r1") == nil)
        #expect(fixture.post(half, from: "c1", in: "r1") == nil)
        #expect(fixture.post("m", from: "c1", in: "r1") == .queueIsFull)
    }

    @Test func allQueuesTogetherAreBoundedAndTheirBytesComeBack() {
        let whole = String(repeating: "x", count: 524_288)
        for room in 0..<512 { #expect(fixture.post(whole, from: "c1", in: "r\(room)") == nil) }
        #expect(fixture.post("m", from: "c1", in: "another") == .queueIsFull)
        fixture.register("c2", in: "r1")
        #expect(fixture.post("m", from: "c1", in: "another") == nil)
        fixture.pass(11)
        for room in 0..<511 { #expect(fixture.post(whole, from: "c1", in: "s\(room)") == nil) }
    }

    @Test func aPostFromAnUnregisteredClientReachesTheRegisteredOne() {
        let socket = fixture.register("c1", in: "r1")
        #expect(fixture.post("m", from: "c2", in: "r1") == nil)
        #expect(socket.takeMessages() == ["m"])
    }

    @Test func whatWasPostedFirstIsDeliveredUponRegistering() {
        #expect(fixture.post("m", from: "c2", in: "r1") == nil)
        #expect(fixture.register("c1", in: "r1").takeMessages() == ["m"])
    }

    // MARK: Time

    @Test func aRoomMadeByPostIsGoneAfterTenSeconds() {
        #expect(fixture.post("m", from: "c1", in: "r1") == nil)
        fixture.pass(9.9)
        #expect(fixture.counters[.rooms] == 1)
        fixture.pass(0.1)
        #expect(fixture.counters[.rooms] == 0)
    }

    @Test func aSeatOutlivesItsSocketByTenSecondsAndItsQueueWithIt() {
        let first = fixture.register("c1", in: "r1")
        fixture.send("m", first)
        fixture.close(first)
        #expect(fixture.counters[.registered] == 0)
        fixture.pass(9.9)
        #expect(fixture.register("c2", in: "r1").takeMessages() == ["m"])
        fixture.pass(0.1)
        #expect(!fixture.register("c3", in: "r1").isClosed)
    }

    @Test func registeringAgainInTimeResumesAndStopsTheTimer() {
        let other = fixture.register("c2", in: "r1")
        fixture.close(fixture.register("c1", in: "r1"))
        fixture.send("m", other)
        fixture.pass(9.9)
        let again = fixture.register("c1", in: "r1")
        #expect(again.takeMessages() == ["m"])
        fixture.pass(3600)
        fixture.send("n", other)
        #expect(again.takeMessages() == ["n"])
        #expect(fixture.register("c3", in: "r1").isClosed)
    }

    @Test func theEndOfAnOldSocketDoesNotEndItsSuccessor() {
        let old = fixture.register("c1", in: "r1")
        fixture.close(old)
        let new = fixture.register("c1", in: "r1")
        fixture.close(old)
        fixture.pass(11)
        fixture.send("m", fixture.register("c2", in: "r1"))
        #expect(new.takeMessages() == ["m"])
    }

    @Test func deletingAClientClosesItsSocketAndRemovesTheRoom() {
        let socket = fixture.register("c1", in: "r1")
        fixture.send("m", socket)
        fixture.lobby.remove("c1", from: "r1")
        #expect(socket.isClosed && socket.frames.isEmpty)
        #expect(fixture.counters[.rooms] == 0)
        #expect(fixture.register("c2", in: "r1").takeMessages().isEmpty)
    }

    @Test func deletingAStrangerChangesNothing() {
        let socket = fixture.register("c1", in: "r1")
        fixture.lobby.remove("c2", from: "r1")
        fixture.lobby.remove("c1", from: "r2")
        #expect(!socket.isClosed)
    }

    @Test func theSeatOfADeletedClientIsFreeAtOnceAndTheOthersQueueIsForTheNext() {
        let first = fixture.register("c1", in: "r1")
        fixture.close(fixture.register("c2", in: "r1"))
        fixture.send("m", first)
        fixture.lobby.remove("c2", from: "r1")
        #expect(fixture.register("c3", in: "r1").takeMessages() == ["m"])
    }

    @Test func theNumberOfRoomsIsBounded() {
        let fixture = LobbyFixture { $0.maximum = 2 }
        fixture.register("c1", in: "r1")
        fixture.register("c1", in: "r2")
        #expect(fixture.register("c1", in: "r3").isClosed)
        #expect(fixture.lobby.join("r3") == nil && !fixture.lobby.isFull("r3"))
        #expect(!fixture.register("c2", in: "r2").isClosed)
    }

    @Test func countersFollowRegistrations() {
        #expect(fixture.counters[.registrations] == 0 && fixture.counters[.registered] == 0)
        let first = fixture.register("c1", in: "r1")
        fixture.register("c2", in: "r1")
        #expect(fixture.counters[.registrations] == 2 && fixture.counters[.registered] == 2)
        fixture.close(first)
        #expect(fixture.counters[.registrations] == 2 && fixture.counters[.registered] == 1)
        fixture.lobby.remove("c2", from: "r1")
        #expect(fixture.counters[.registered] == 0)
    }
}
