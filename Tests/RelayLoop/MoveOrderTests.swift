import Exchange
import STUN
import TURN
import Testing

@testable import IOURing
@testable import RelayLoop

/// Three loops by hand: a client of loop 1 takes over an allocation of loop 2.
///
/// What is asked around goes from 1 to 2 and then to 0; a loop reads its mail by sender, from 0 on.
@Suite("RFC 8016: what a client sends while its allocation is on its way between threads")
struct MoveOrderTests {
    private static let channel: UInt16 = 0x4000

    /// An allocation with a channel to a peer.
    private struct Home {
        let relay: SteppedRelay
        let peer: FarSocket
        let relayed: SocketAddress
        var ticket: [UInt8]
        var client: LoopbackClient?

        init(
            on thread: Int = 2,
            of threads: Int = 3,
            _ configure: (inout RelayThreadConfiguration) -> Void = { _ in }
        ) throws {
            relay = try SteppedRelay(threads: threads) {
                $0.server.allowsMobility = true
                LoopbackUser.isRequired(by: &$0.server)
                $0.server.nonceKey = Array("shared by the threads".utf8)
                configure(&$0)
            }
            peer = try FarSocket(relay.peerHost)
            let client = try relay.client(onStreamOf: thread)
            let answer = try client.allocate([(.mobilityTicket, .bytes([]))])
            relayed = try #require(answer.relayed)
            ticket = try #require(answer.ticket)
            try client.bind(channel, to: peer.address)
            self.client = client
        }

        /// Ends the client's connection; the allocation waits for him to come back.
        mutating func leave(_ thread: Int = 2) throws {
            client = nil
            try #require(relay.run { relay.value(.connections, of: thread) == 0 })
            #expect(relay.value(.allocations, of: thread) == 1)
        }

        /// The same user on another loop, with a nonce.
        func arrive(on thread: Int = 1) throws -> LoopbackClient {
            let away = try relay.client(onStreamOf: thread)
            #expect(try away.ask(.refresh).error == 437)
            return away
        }

        /// Lets a client in with the newest ticket.
        mutating func move(_ away: LoopbackClient) throws {
            let answer = try away.ask(.refresh, [(.mobilityTicket, .bytes(ticket))])
            ticket = try #require(answer.ticket)
        }

        /// A Refresh with the newest ticket.
        func refresh(_ number: UInt64, by client: LoopbackClient) -> [UInt8] {
            let id = TransactionID(high: 8, low: number)
            return client.message(.refresh, .request, id, [(.mobilityTicket, .bytes(ticket))])
        }

        /// Runs loops, each until its mail is sent.
        func run(_ threads: Int...) {
            for thread in threads { relay.run(thread) }
        }

        /// The texts that the peer has got, as far as they have come within so many turns of all loops.
        func heard(_ count: Int) -> [String] {
            var texts: [String] = []
            for _ in 0..<200 where texts.count < count {
                relay.run()
                while let bytes = peer.receive(milliseconds: 0) {
                    texts.append(String(decoding: bytes, as: UTF8.self))
                }
            }
            return texts
        }
    }

    /// The answer to a request that was sent with a number; others are passed over.
    private func answer(to number: UInt64, at client: LoopbackClient) -> LoopbackClient.Answer? {
        let id = TransactionID(high: 8, low: number)
        for _ in 0..<8 {
            guard let bytes = client.socket.receive(milliseconds: 200) else { return nil }
            if let answer = LoopbackClient.answer(bytes, to: id) { return answer }
        }
        return nil
    }

    // MARK: Requests

    @Test func aRepetitionThatOvertakesTheAllocationFindsIt() throws {
        var home = try Home()
        let away = try home.arrive()
        try home.leave()
        // Loop 2 hands the allocation to 1 with the first, and asks 0 about the second: its word to 1 is read first.
        try away.socket.send(home.refresh(1, by: away), to: away.server)
        try away.socket.send(home.refresh(2, by: away), to: away.server)
        home.run(1, 2, 0, 1)
        #expect(answer(to: 1, at: away)?.messageClass == .success)
        #expect(answer(to: 2, at: away)?.messageClass == .success)
    }

    @Test func aRefreshThatCrossesTheWayOfTheAllocationFindsIt() throws {
        var home = try Home()
        let away = try home.arrive()
        let further = try home.arrive(on: 0)
        try home.move(away)
        // Data fetches the allocation to 1; the next path's Refresh has been at 1 before, and is at 2 after.
        try away.send(Array("data".utf8))
        home.run(1)
        try further.socket.send(home.refresh(3, by: further), to: further.server)
        home.run(0, 1, 2)
        #expect(answer(to: 3, at: further)?.messageClass == .success)
        #expect(home.relay.value(.allocations, of: 1) == 1)
    }

    @Test func aClientThatComesBackAnotherWayIsFoundByItsTicket() throws {
        var home = try Home()
        let away = try home.arrive()
        let further = try home.arrive(on: 0)
        try home.move(away)
        // Loop 1 believes the allocation with 2, which is with 0 by now.
        try home.move(further)
        try further.send(Array("data".utf8))
        #expect(home.heard(1) == ["data"])
        #expect(home.relay.value(.allocations, of: 0) == 1)
        try home.move(away)
        try away.send(Array("back".utf8))
        #expect(home.heard(1) == ["back"])
    }

    // MARK: Data

    @Test func aLongFirstMessageIsNotLost() throws {
        var home = try Home()
        let away = try home.arrive()
        try home.move(away)
        let text = String(repeating: "long", count: 5000)
        try away.send(Array(text.utf8))
        #expect(home.heard(1) == [text])
    }

    @Test func dataLeavesThoughTheReceiveOfTheSocketHasEnded() throws {
        // As many datagrams as there are buffers end the receive on the relayed socket in the pass that hands it over.
        var home = try Home(on: 0, of: 2) {
            $0.bufferCount = 8
            $0.bufferSize = 4096
        }
        let away = try home.arrive()
        try home.move(away)
        for _ in 0..<20 { try home.peer.send(Array("media".utf8), to: home.relayed) }
        home.relay.run(0, passes: 1)
        try away.send(Array("data".utf8))
        home.run(1, 0)
        #expect(home.heard(1) == ["data"])
        #expect(home.relay.value(.allocations, of: 1) == 1)
    }

    @Test func dataLeavesThoughAnotherPeerIsGone() throws {
        // Data to that peer, from the old path, draws an error that the next send on the socket answers with.
        var home = try Home(on: 0, of: 2)
        let gone = home.peer.address.with(port: 9)
        let client = try #require(home.client)
        try client.bind(0x4001, to: gone)
        let away = try home.arrive()
        try home.move(away)
        try client.send(Array("lost".utf8), channel: 0x4001)
        home.relay.run(0, passes: 2)
        try away.send(Array("data".utf8))
        home.run(1, 0)
        #expect(home.heard(1) == ["data"])
    }
}
