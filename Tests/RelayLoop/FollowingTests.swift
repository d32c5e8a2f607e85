import Exchange
import STUN
import TURN
import Testing

@testable import IOURing
@testable import RelayLoop

/// Datagrams that one pass takes in right behind one another: whether each goes where it belongs.
@Suite struct FollowingTests {
    /// A client with channels to two peers; what is sent waits for the next pass.
    private struct Home {
        let relay: SteppedRelay
        let socket: FarSocket
        let client: LoopbackClient
        let peers: [FarSocket]
        let relayed: SocketAddress

        init(_ configure: (inout RelayThreadConfiguration) -> Void = { _ in }) throws {
            relay = try SteppedRelay(threads: 1, configure)
            socket = try FarSocket(relay.address)
            client = LoopbackClient(over: SteppedEnd(socket, relay), at: relay.address)
            peers = [try FarSocket(relay.peerHost), try FarSocket(relay.peerHost)]
            relayed = try client.connect(to: peers[0].address, channel: 0x4000)
            try client.bind(0x4001, to: peers[1].address)
        }

        func send(_ data: [UInt8], channel: UInt16 = 0x4000) throws {
            let bytes = LoopbackClient.channelData(data, channel: channel)
            try socket.send(bytes, to: relay.address)
        }

        /// A Refresh request that ends the allocation.
        var end: [UInt8] {
            let id = TransactionID(high: 1, low: 2)
            return client.message(.refresh, .request, id, [(.lifetime, .uint32(0))])
        }

        /// All that a socket has by now.
        static func received(by socket: FarSocket) -> [[UInt8]] {
            var all: [[UInt8]] = []
            while let bytes = socket.receive(milliseconds: 0) { all.append(bytes) }
            return all
        }
    }

    private static let burst = (0..<100).map { [UInt8](repeating: $0, count: 500) }

    @Test func aBurstOfAClientArrivesInOrder() throws {
        let home = try Home()
        for data in Self.burst { try home.send(data) }
        home.relay.run()
        #expect(Home.received(by: home.peers[0]) == Self.burst)
        #expect(home.relay.value(.datagramsToPeers) == 100)
        #expect(home.relay.value(.bytesToPeers) == 50_000)
        #expect(home.relay.value(.bytesFromClients) >= 50_400)
    }

    @Test func aBurstOfAPeerArrivesInOrder() throws {
        let home = try Home()
        for data in Self.burst { try home.peers[0].send(data, to: home.relayed) }
        home.relay.run()
        let expected = Self.burst.map { LoopbackClient.channelData($0) }
        #expect(Home.received(by: home.socket) == expected)
        #expect(home.relay.value(.datagramsToClients) >= 100)
        #expect(home.relay.value(.bytesFromPeers) == 50_000)
    }

    @Test func channelsOfOneClientAreNotMixedUp() throws {
        let home = try Home()
        for number in 0..<UInt8(40) {
            try home.send([number, 1, 2, 3], channel: number % 3 == 0 ? 0x4001 : 0x4000)
        }
        home.relay.run()
        let numbers = home.peers.map { Home.received(by: $0).map { $0[0] } }
        #expect(numbers[0] == (0..<40).filter { $0 % 3 != 0 })
        #expect(numbers[1] == (0..<40).filter { $0 % 3 == 0 })
    }

    @Test func peersOfOneAllocationAreNotMixedUp() throws {
        let home = try Home()
        for number in 0..<UInt8(40) {
            try home.peers[number % 3 == 0 ? 1 : 0].send([number, 1, 2, 3], to: home.relayed)
        }
        home.relay.run()
        let expected = (0..<UInt8(40)).map {
            LoopbackClient.channelData([$0, 1, 2, 3], channel: $0 % 3 == 0 ? 0x4001 : 0x4000)
        }
        #expect(Home.received(by: home.socket) == expected)
    }

    @Test func clientsOfOneSocketAreNotMixedUp() throws {
        let home = try Home()
        let socket = try FarSocket(home.relay.address)
        let other = LoopbackClient(over: SteppedEnd(socket, home.relay), at: home.relay.address)
        _ = try other.connect(to: home.peers[1].address, channel: 0x4000)
        let stranger = try FarSocket(home.relay.address)
        for number in 0..<UInt8(30) {
            let sender = [home.socket, socket, stranger][Int(number) % 3]
            let data = LoopbackClient.channelData([number, 9, 9, 9])
            try sender.send(data, to: home.relay.address)
        }
        home.relay.run()
        let numbers = home.peers.map { Home.received(by: $0).map { $0[0] } }
        #expect(numbers[0] == (0..<30).filter { $0 % 3 == 0 })
        #expect(numbers[1] == (0..<30).filter { $0 % 3 == 1 })
    }

    @Test func aShorterLengthWithinAnEquallyLongDatagramCounts() throws {
        let home = try Home()
        for count in [UInt8(8), 8, 5, 5, 8, 9, 8] {
            // 9 is more than there is.
            let header: [UInt8] = [0x40, 0x00, 0, count]
            try home.socket.send(header + [1, 2, 3, 4, 5, 6, 7, 8], to: home.relay.address)
        }
        home.relay.run()
        #expect(Home.received(by: home.peers[0]).map(\.count) == [8, 8, 5, 5, 8, 8])
    }

    @Test func nothingFollowsOnceTheAllocationHasEnded() throws {
        let home = try Home()
        try home.send([1, 2, 3, 4])
        try home.send([2, 2, 3, 4])
        try home.socket.send(home.end, to: home.relay.address)
        try home.send([3, 2, 3, 4])
        home.relay.run()
        #expect(Home.received(by: home.peers[0]).map { $0[0] } == [1, 2])
    }

    @Test func nothingFollowsWhatATrainEnded() throws {
        let home = try Home()
        // The request is the shorter last datagram of a train.
        let data = LoopbackClient.channelData([UInt8](repeating: 1, count: 96))
        try home.socket.send(data + home.end, to: home.relay.address, segmentSize: data.count)
        try home.socket.send(data, to: home.relay.address)
        home.relay.run()
        #expect(Home.received(by: home.peers[0]).count == 1)
    }

    @Test func aBandwidthHoldsWithinABurst() throws {
        let home = try Home { $0.server.bandwidthPerAllocation = 1000 }
        // What may be taken at once is a datagram of the largest size.
        for _ in 0..<100 { try home.send([UInt8](repeating: 1, count: 1000)) }
        home.relay.run()
        #expect((60...66).contains(Home.received(by: home.peers[0]).count))
    }
}
