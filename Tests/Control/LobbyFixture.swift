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

    /// Says a whole text over a socket; one that the server has closed says nothing more.
    func say(_ text: String, _ socket: TestSocket) {
        if !socket.isClosed { lobby.received(text, from: socket) }
    }

    /// A new socket that asks to be registered.
    @discardableResult
    func register(_ client: String, in room: String) -> TestSocket {
        let socket = TestSocket()
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
    func join(_ room: String, isLoopback: Bool = false) throws -> Participation {
        try #require(lobby.join(room, isLoopback: isLoopback))
    }

    /// Sends a participant's message as the room server does; why it was refused.
    func message(_ text: String, from client: String, in room: String) -> SignallingError? {
        guard let seat = lobby.participant(client, in: room) else { return .invalidClient }
        do throws(SignallingError) {
            try lobby.send(text, from: seat)
            return nil
        } catch {
            return error
        }
    }

    /// Leaves a room as the room server's clients do; false for one who is not there.
    @discardableResult
    func leave(_ client: String, from room: String) -> Bool {
        guard let seat = lobby.participant(client, in: room) else { return false }
        lobby.depart(seat)
        return true
    }

    /// Whether a client joined a room and has not left.
    func isParticipant(_ client: String, in room: String) -> Bool {
        lobby.participant(client, in: room) != nil
    }

    /// Lets time pass, and what is due be done.
    func pass(_ seconds: Double) {
        now = now + .nanoseconds(Int64(seconds * 1e9))
        lobby.expire()
    }
}

let bye = #"{"type":"bye"}"#
