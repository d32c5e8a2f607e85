/// A lobby whose time the test turns, and sockets that remember.

import FoundationEssentials
import NIOCore
import Testing

@testable import Control

/// A client's socket: what the server sent, and whether it closed it.
final class TestSocket: SignallingSocket {
    private(set) var frames: [String] = []
    private(set) var isClosed = false

    func send(_ text: String) { frames.append(text) }
    func close() { isClosed = true }

    /// The messages in the frames so far; the test has then seen them.
    func takeMessages() -> [String] {
        defer { frames.removeAll() }
        return frames.compactMap { frame in
            struct Frame: Decodable { var msg: String }
            return try? JSONDecoder().decode(Frame.self, from: Data(frame.utf8)).msg
        }
    }
}

/// A participant as the room server names it.
struct TestParticipant {
    var client: String
    var isInitiator: Bool
    var messages: [String]
    var peers: [String]
}

/// A lobby, its time, and the verbs of tests.
final class LobbyFixture {
    let counters = ControlCounters()
    let lobby: Lobby
    var now = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    init(_ change: (inout ControlConfiguration.Rooms) -> Void = { _ in }) {
        var configuration = ControlConfiguration.Rooms()
        change(&configuration)
        lobby = Lobby(configuration, counters: counters)
        lobby.clock = { [unowned self] in now }
    }

    /// A socket that has said nothing yet.
    func open() -> TestSocket {
        let socket = TestSocket()
        lobby.connected(socket)
        return socket
    }

    /// Says a whole text over a socket.
    func say(_ text: String, _ socket: TestSocket) {
        lobby.received(text, from: socket)
    }

    /// A new socket that asks to be registered.
    @discardableResult
    func register(_ client: String, in room: String) -> TestSocket {
        let socket = open()
        say(#"{"cmd":"register","roomid":"\#(room)","clientid":"\#(client)"}"#, socket)
        return socket
    }

    /// Sends a message over a registered socket.
    func send(_ message: String, _ socket: TestSocket, to addressee: String? = nil) {
        var fields = ["cmd": "send", "msg": message]
        fields["to"] = addressee
        guard let data = try? JSONEncoder().encode(fields) else { return }
        say(String(decoding: data, as: UTF8.self), socket)
    }

    /// The client's side of a socket ends.
    func close(_ socket: TestSocket) { lobby.closed(socket) }

    /// Posts a message as one without a socket does; why it was refused.
    func post(_ message: String, from client: String, in room: String) -> SignallingError? {
        do throws(SignallingError) {
            try lobby.post(message, from: client, in: room)
            return nil
        } catch {
            return error
        }
    }

    /// Joins a room that must have a seat.
    func join(_ room: String, isLoopback: Bool = false) throws -> TestParticipant {
        let result = lobby.join(room, isLoopback: isLoopback)
        guard case .joined(let client, let isInitiator, let messages, let peers) = result else {
            throw Refusal(result: result)
        }
        return TestParticipant(
            client: client,
            isInitiator: isInitiator,
            messages: messages,
            peers: peers
        )
    }

    /// Sends a participant's message by the room server.
    func message(_ text: String, from client: String, in room: String) -> Lobby.MessageResult {
        lobby.message(text, from: client, in: room)
    }

    /// Lets time pass, and what is due be done.
    func pass(_ seconds: Double) {
        now = now + .nanoseconds(Int64(seconds * 1e9))
        lobby.expire()
    }

    struct Refusal: Error {
        var result: JoinResult
    }
}

let bye = #"{"type":"bye"}"#
