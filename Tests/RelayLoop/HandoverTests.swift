import Exchange
import STUN
import TURN
import Testing

@testable import IOURing
@testable import RelayLoop

@Suite("RFC 8016: allocations that move, over real sockets and threads")
struct HandoverTests {
    private static func relay(threads: Int) throws -> LoopbackRelay {
        try LoopbackRelay(threads: threads) {
            $0.server.allowsMobility = true
            LoopbackUser.isRequired(by: &$0.server)
            $0.server.nonceKey = Array("shared by the threads".utf8)
            $0.streamListeners = $0.listeners
            $0.connections.connections = 256
        }
    }

    /// Takes the allocation to a new socket; what peers send comes on both until there is data on the new one.
    private static func move(
        from old: LoopbackClient,
        _ relay: LoopbackRelay,
        _ relayed: SocketAddress,
        _ peer: FarSocket,
        ticket: inout [UInt8],
        to stream: FarStream? = nil
    ) throws -> LoopbackClient {
        let client =
            try stream.map { LoopbackClient(over: $0, relay) } ?? LoopbackClient(relay)
        let answer = try client.ask(.refresh, [(.mobilityTicket, .bytes(ticket))])
        #expect(answer.messageClass == .success)
        ticket = try #require(answer.ticket)
        // The old path stays, and the new one hears the same.
        try peer.send(Array("old".utf8), to: relayed)
        #expect(old.socket.receive() == LoopbackClient.channelData(Array("old".utf8)))
        #expect(client.socket.receive() == LoopbackClient.channelData(Array("old".utf8)))
        try old.send(Array("still".utf8))
        #expect(peer.receive() == Array("still".utf8))
        // Requests on the new one do not end it.
        try client.permit(peer.address)
        try peer.send(Array("old".utf8), to: relayed)
        #expect(old.socket.receive() == LoopbackClient.channelData(Array("old".utf8)))
        #expect(client.socket.receive() == LoopbackClient.channelData(Array("old".utf8)))
        // Data does, and none of it is lost.
        try client.send(Array("new".utf8))
        #expect(peer.receive() == Array("new".utf8))
        // By the time of an answer from here the allocation is here.
        #expect(try client.ask(.refresh).messageClass == .success)
        try peer.send(Array("back".utf8), to: relayed)
        #expect(client.socket.receive() == LoopbackClient.channelData(Array("back".utf8)))
        return client
    }

    @Test(arguments: [1, 2, 3])
    func anAllocationFollowsItsClientToAnyThread(_ threads: Int) throws {
        let relay = try Self.relay(threads: threads)
        let peer = try FarSocket(relay.peerHost)
        var client = try LoopbackClient(relay)
        let answer = try client.allocate([(.mobilityTicket, .bytes([]))])
        let relayed = try #require(answer.relayed)
        var ticket = try #require(answer.ticket)
        try client.bind(0x4000, to: peer.address)
        for _ in 0..<16 {
            client = try Self.move(from: client, relay, relayed, peer, ticket: &ticket)
        }
        #expect(try client.refreshToNothing().messageClass == .success)
        #expect(relay.wait { relay.value(.allocations) == 0 && relay.value(.channels) == 0 })
        // Each thread tells its part when its pass ends.
        #expect(relay.wait { relay.value(.allocationsMoved) == 16 })
        #expect(relay.wait { relay.value(.relaysOpened) == relay.value(.relaysClosed) })
        #expect(relay.value(.dropsHandover) == 0)
        // With several threads, one of 16 clients comes to another thread, but for a chance in 2^16.
        #expect((relay.value(.relaysOpened) > 1) == (threads > 1))
    }

    @Test(arguments: [1, 2])
    func betweenDatagramsAndConnections(_ threads: Int) throws {
        let relay = try Self.relay(threads: threads)
        let peer = try FarSocket(relay.peerHost)
        var client = try LoopbackClient(relay)
        let answer = try client.allocate([(.mobilityTicket, .bytes([]))])
        let relayed = try #require(answer.relayed)
        var ticket = try #require(answer.ticket)
        try client.bind(0x4000, to: peer.address)
        for number in 0..<18 {
            // Over UDP, then twice over TCP.
            let stream = number % 3 == 0 ? nil : try FarStream(to: relay.address)
            client = try Self.move(
                from: client,
                relay,
                relayed,
                peer,
                ticket: &ticket,
                to: stream
            )
        }
        #expect(try client.refreshToNothing().messageClass == .success)
        #expect(relay.wait { relay.value(.allocations) == 0 })
        #expect(relay.value(.dropsHandover) == 0)
        #expect((relay.value(.relaysOpened) > 1) == (threads > 1))
    }

    @Test func aConnectionThatBreaksLeavesTheAllocationForItsClient() throws {
        let relay = try Self.relay(threads: 2)
        let peer = try FarSocket(relay.peerHost)
        var ticket: [UInt8] = []
        var relayed = peer.address
        do {
            let first = LoopbackClient(over: try FarStream(to: relay.address), relay)
            let answer = try first.allocate([(.mobilityTicket, .bytes([]))])
            relayed = try #require(answer.relayed)
            ticket = try #require(answer.ticket)
            try first.bind(0x4000, to: peer.address)
        }
        #expect(relay.wait { relay.value(.connections) == 0 })
        #expect(relay.value(.allocations) == 1)
        let second = LoopbackClient(over: try FarStream(to: relay.address), relay)
        let answer = try second.ask(.refresh, [(.mobilityTicket, .bytes(ticket))])
        #expect(answer.messageClass == .success)
        #expect(try second.ask(.refresh).messageClass == .success)
        try peer.send(Array("back".utf8), to: relayed)
        #expect(second.socket.receive() == LoopbackClient.channelData(Array("back".utf8)))
    }

    @Test func theOldConnectionMayBreakBeforeDataOnTheNew() throws {
        let relay = try Self.relay(threads: 2)
        let peer = try FarSocket(relay.peerHost)
        for _ in 0..<12 {
            var ticket: [UInt8] = []
            var relayed = peer.address
            let second = LoopbackClient(over: try FarStream(to: relay.address), relay)
            do {
                let first = LoopbackClient(over: try FarStream(to: relay.address), relay)
                let answer = try first.allocate([(.mobilityTicket, .bytes([]))])
                relayed = try #require(answer.relayed)
                ticket = try #require(answer.ticket)
                try first.bind(0x4000, to: peer.address)
                let moved = try second.ask(.refresh, [(.mobilityTicket, .bytes(ticket))])
                #expect(moved.messageClass == .success)
            }
            // Whatever comes for the client meanwhile is dropped or delivered; nothing else happens.
            for _ in 0..<20 { try peer.send(Array("early".utf8), to: relayed) }
            #expect(try second.ask(.refresh).messageClass == .success)
            #expect(try second.ask(.refresh).messageClass == .success)
            #expect(try second.refreshToNothing().messageClass == .success)
        }
        #expect(relay.wait { relay.value(.allocations) == 0 })
    }

    @Test func theQuotaIsChargedOnceForAnAllocationThatMoves() throws {
        let relay = try LoopbackRelay(threads: 2, allocations: 2) {
            // The quota is what is reached, not the room of a thread.
            $0.server.allocationCapacity = 16
            $0.server.allowsMobility = true
            LoopbackUser.isRequired(by: &$0.server)
            $0.server.nonceKey = Array("shared by the threads".utf8)
        }
        let peer = try FarSocket(relay.peerHost)
        var client = try LoopbackClient(relay)
        let answer = try client.allocate([(.mobilityTicket, .bytes([]))])
        let relayed = try #require(answer.relayed)
        var ticket = try #require(answer.ticket)
        try client.bind(0x4000, to: peer.address)
        for _ in 0..<8 {
            client = try Self.move(from: client, relay, relayed, peer, ticket: &ticket)
        }
        // One place of two is taken: one more allocation fits, and not another.
        #expect(try LoopbackClient(relay).allocate().messageClass == .success)
        #expect(try LoopbackClient(relay).allocate().error == 486)
        #expect(try client.refreshToNothing().messageClass == .success)
        #expect(try LoopbackClient(relay).allocate().messageClass == .success)
        #expect(try LoopbackClient(relay).allocate().error == 486)
    }

    /// Clients repeat what is not answered at once; the second must not come to where the allocation just was.
    @Test func aRefreshThatIsRepeatedAtOnceFindsTheAllocation() throws {
        let relay = try Self.relay(threads: 2)
        for _ in 0..<12 {
            var ticket: [UInt8] = []
            do {
                let first = LoopbackClient(over: try FarStream(to: relay.address), relay)
                ticket = try #require(try first.allocate([(.mobilityTicket, .bytes([]))]).ticket)
            }
            #expect(relay.wait { relay.value(.connections) == 0 })
            let second = LoopbackClient(over: try FarStream(to: relay.address), relay)
            // The nonce.
            #expect(try second.ask(.refresh).error == 437)
            let id = TransactionID(high: 8, low: 8)
            let request = second.message(
                .refresh,
                .request,
                id,
                [(.mobilityTicket, .bytes(ticket))]
            )
            try second.socket.send(request, to: second.server)
            let again = try second.ask(.refresh, [(.mobilityTicket, .bytes(ticket))])
            #expect(again.messageClass == .success)
            #expect(try second.refreshToNothing().messageClass == .success)
        }
        #expect(relay.wait { relay.value(.allocations) == 0 })
    }

    @Test func aTicketOfNoAllocationIsAnsweredWhenAllThreadsWereAsked() throws {
        let relay = try Self.relay(threads: 3)
        let owner = try LoopbackClient(relay)
        let ticket = try #require(try owner.allocate([(.mobilityTicket, .bytes([]))]).ticket)
        #expect(try owner.refreshToNothing().messageClass == .success)
        for _ in 0..<8 {
            let client = try LoopbackClient(relay)
            #expect(try client.ask(.refresh, [(.mobilityTicket, .bytes(ticket))]).error == 437)
            // Nothing is left of the attempt.
            #expect(try client.ask(.refresh).error == 437)
            #expect(try client.allocate().messageClass == .success)
        }
    }

    @Test func aClientThatGoesBackStaysWhereItIs() throws {
        let relay = try Self.relay(threads: 2)
        let peer = try FarSocket(relay.peerHost)
        let home = try LoopbackClient(relay)
        let answer = try home.allocate([(.mobilityTicket, .bytes([]))])
        let relayed = try #require(answer.relayed)
        var ticket = try #require(answer.ticket)
        try home.bind(0x4000, to: peer.address)
        for _ in 0..<8 {
            let away = try LoopbackClient(relay)
            let there = try away.ask(.refresh, [(.mobilityTicket, .bytes(ticket))])
            ticket = try #require(there.ticket)
            let back = try home.ask(.refresh, [(.mobilityTicket, .bytes(ticket))])
            ticket = try #require(back.ticket)
            try away.send(Array("late".utf8))
            #expect(try away.ask(.refresh).error == 437)
            try peer.send(Array("home".utf8), to: relayed)
            #expect(home.socket.receive() == LoopbackClient.channelData(Array("home".utf8)))
        }
        #expect(relay.value(.allocations) == 1)
    }

    /// The thread of the other place still thought that the allocation could be reached by it, and refused the ticket.
    @Test func aClientThatWentBackMayComeAgain() throws {
        let relay = try Self.relay(threads: 2)
        let home = try LoopbackClient(relay)
        let answer = try home.allocate([(.mobilityTicket, .bytes([]))])
        var ticket = try #require(answer.ticket)
        for _ in 0..<8 {
            let away = try LoopbackClient(relay)
            for client in [away, home, away, home] {
                let answer = try client.ask(.refresh, [(.mobilityTicket, .bytes(ticket))])
                ticket = try #require(answer.ticket)
            }
        }
        #expect(relay.value(.allocations) == 1)
    }
}
