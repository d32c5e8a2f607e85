import Exchange
import Glibc
import IOURing
import STUN
import TURN
import Testing

@testable import RelayLoop

@Suite("RFC 8016: what peers send while an allocation moves from thread to thread")
struct MovingDataTests {
    private static let channel: UInt16 = 0x4000

    /// Datagrams of a peer, numbered, and which of them its client has got on any of its paths.
    private struct Tally {
        var sent: UInt16 = 0
        var missing: Set<UInt16> = []

        mutating func send(_ count: Int, from peer: FarSocket, to relayed: SocketAddress) throws {
            for _ in 0..<count {
                try peer.send([UInt8(sent >> 8), UInt8(sent & 0xFF)], to: relayed)
                missing.insert(sent)
                sent += 1
                usleep(50)
            }
        }

        /// Reads until nothing is missing, for ten seconds at most.
        mutating func collect(from clients: [LoopbackClient]) {
            for _ in 0..<1000 where !missing.isEmpty {
                for client in clients {
                    while let bytes = client.socket.receive(milliseconds: 5) {
                        guard bytes.count >= 6, bytes[0] == UInt8(channel >> 8) else { continue }
                        missing.remove(UInt16(bytes[4]) << 8 | UInt16(bytes[5]))
                    }
                }
            }
        }
    }

    /// A relay whose clients may move, over UDP and TCP, from thread to thread.
    private func relay(threads: Int) throws -> LoopbackRelay {
        try LoopbackRelay(threads: threads) {
            $0.server.allowsMobility = true
            $0.server.nonceKey = Array("shared by the threads".utf8)
            LoopbackUser.isRequired(by: &$0.server)
            $0.streamListeners = $0.listeners
            $0.connections.connections = 256
        }
    }

    /// Whether a peer gets what a client has sent: the client's own data may be lost on its way to the thread that has
    /// just given the allocation away, and is sent again then.
    private func isHeard(
        _ text: String,
        from client: LoopbackClient,
        by peer: FarSocket
    ) throws -> Bool {
        for _ in 0..<30 {
            if let bytes = peer.receive(milliseconds: 1000) { return bytes == Array(text.utf8) }
            try client.send(Array(text.utf8))
        }
        return false
    }

    @Test(arguments: [1, 2, 3], [false, true])
    func nothingOf400DatagramsIsLost(_ threads: Int, _ isStream: Bool) throws {
        let relay = try relay(threads: threads)
        func arrive() throws -> LoopbackClient {
            isStream
                ? LoopbackClient(over: try FarStream(to: relay.address), relay)
                : try LoopbackClient(relay)
        }
        let peer = try FarSocket(relay.peerHost)
        var old = try arrive()
        let answer = try old.allocate([(.mobilityTicket, .bytes([]))])
        let relayed = try #require(answer.relayed)
        var ticket = try #require(answer.ticket)
        try old.bind(Self.channel, to: peer.address)
        var tally = Tally()
        for _ in 0..<10 {
            let new = try arrive()
            ticket = try #require(try new.ask(.refresh, [(.mobilityTicket, .bytes(ticket))]).ticket)
            // Both paths, then the move from thread to thread.
            try tally.send(10, from: peer, to: relayed)
            try new.send(Array("data".utf8))
            try tally.send(30, from: peer, to: relayed)
            tally.collect(from: [new, old])
            #expect(try isHeard("data", from: new, by: peer))
            #expect(try new.ask(.refresh).messageClass == .success)
            old = new
        }
        #expect(tally.sent == 400)
        #expect(tally.missing.isEmpty)
        #expect(relay.value(.dropsHandover) == 0)
        // With several threads, one of ten clients comes to another thread, but for a chance in a thousand.
        if threads > 2 { #expect(relay.value(.relaysOpened) > 1) }
    }

    @Test(arguments: [1, 2, 3])
    func aClientThatOnlyListensHearsAllOnAConnection(_ threads: Int) throws {
        let relay = try relay(threads: threads)
        let peer = try FarSocket(relay.peerHost)
        let old = try LoopbackClient(relay)
        let answer = try old.allocate([(.mobilityTicket, .bytes([]))])
        let relayed = try #require(answer.relayed)
        var ticket = try #require(answer.ticket)
        try old.bind(Self.channel, to: peer.address)
        var tally = Tally()
        for _ in 0..<10 {
            let new = LoopbackClient(over: try FarStream(to: relay.address), relay)
            ticket = try #require(try new.ask(.refresh, [(.mobilityTicket, .bytes(ticket))]).ticket)
            try tally.send(20, from: peer, to: relayed)
            tally.collect(from: [new])
        }
        #expect(tally.missing.isEmpty)
        #expect(relay.value(.allocations) == 1)
    }
}
