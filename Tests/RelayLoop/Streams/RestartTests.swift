import Exchange
import IOURing
import Testing

@testable import RelayLoop

/// Clients over DTLS that begin anew, and copies of hellos that only look so (RFC 6347 4.2.8).
@Suite(.serialized) struct RFC6347_4_2_8_RestartTests {
    /// A client with an allocation and a channel, its session, and the other end.
    private struct World {
        let relay: LoopbackRelay
        let session: FarDTLS
        let client: LoopbackClient
        let peer: FarSocket
        let relayed: SocketAddress

        init(_ relay: LoopbackRelay, from socket: FarSocket) throws {
            self.relay = relay
            session = try FarDTLS(from: socket, to: relay.address)
            client = LoopbackClient(over: session, relay)
            peer = try FarSocket(relay.peerHost)
            relayed = try client.connect(to: peer.address)
        }

        /// Whether data passes both ways.
        func isServed() throws -> Bool {
            try client.send([1, 2, 3])
            guard peer.receive() == [1, 2, 3] else { return false }
            try peer.send([4, 5, 6], to: relayed)
            return session.receive() == LoopbackClient.channelData([4, 5, 6])
        }

        /// Sends datagrams as the network repeats them, and waits until they have come.
        func replay(_ datagrams: [[UInt8]]) throws {
            for datagram in datagrams {
                let before = relay.value(.datagramsFromClients)
                try session.socket.send(datagram, to: relay.address)
                try #require(relay.wait { relay.value(.datagramsFromClients) > before })
            }
        }
    }

    /// The hellos of a session that is over, whose cookie is still good.
    private func earlierHellos(_ relay: LoopbackRelay, _ socket: FarSocket) throws -> [[UInt8]] {
        let session = try FarDTLS(from: socket, to: relay.address)
        try session.shutDown()
        try #require(relay.wait { relay.value(.connections) == 0 })
        return session.hellos
    }

    @Test func lateCopiesOfItsHellosDoNotEndASession() throws {
        let relay = try LoopbackRelay.withCertificate()
        let world = try World(relay, from: FarSocket(relay.address))
        for _ in 0..<3 {
            try world.replay(world.session.hellos)
            #expect(try world.isServed())
        }
        #expect(relay.value(.connections) == 1)
        #expect(relay.value(.connectionsAccepted) == 1)
        #expect(relay.value(.handshakes) == 1)
    }

    @Test func hellosOfAnEarlierSessionDoNotEndTheNext() throws {
        let relay = try LoopbackRelay.withCertificate { $0.connections.idleSeconds = 8 }
        let socket = try FarSocket(relay.address)
        let earlier = try (0..<2).map { _ in try earlierHellos(relay, socket) }
        let world = try World(relay, from: socket)
        // The cookie is good, so a handshake begins beside the session; a second one in place of that.
        for hellos in earlier + earlier {
            try world.replay(hellos)
            #expect(try world.isServed())
            #expect(relay.wait { relay.value(.connections) == 2 })
        }
        // Nobody goes on with it.
        #expect(relay.wait { relay.value(.connections) == 1 })
        #expect(try world.isServed())
        #expect(relay.value(.handshakes) == 3)
    }

    @Test func aHandshakeThatWasBegunOutlivesTheSessionBesideIt() throws {
        let relay = try LoopbackRelay.withCertificate { $0.connections.idleSeconds = 8 }
        let socket = try FarSocket(relay.address)
        let earlier = try (0..<2).map { _ in try earlierHellos(relay, socket) }
        let world = try World(relay, from: socket)
        try world.replay(earlier[0])
        #expect(relay.wait { relay.value(.connections) == 2 })
        try world.session.shutDown()
        #expect(relay.wait { relay.value(.allocations) == 0 && relay.value(.connections) == 1 })
        // It is all that its client has now: another takes its place, and in the end nobody has it.
        try world.replay(earlier[1])
        #expect(relay.wait { relay.value(.connectionsAccepted) == 5 })
        #expect(relay.wait { relay.value(.connections) == 1 })
        #expect(relay.wait { relay.value(.connections) == 0 })
        while socket.receive(milliseconds: 100) != nil {}
        #expect(try World(relay, from: socket).isServed())
    }

    @Test func theOldSessionEndsWhenTheNewOneIsProved() throws {
        let relay = try LoopbackRelay.withCertificate()
        let socket = try FarSocket(relay.address)
        let old = try World(relay, from: socket)
        #expect(try old.isServed())
        for number in 2...4 {
            let new = try World(relay, from: socket)
            #expect(try new.isServed())
            #expect(relay.value(.handshakes) == UInt64(number))
            #expect(relay.wait { relay.value(.allocations) == 1 && relay.value(.connections) == 1 })
        }
        let before = relay.value(.datagramsToPeers)
        try old.client.send([9])
        #expect(old.peer.receive(milliseconds: 100) == nil)
        #expect(relay.value(.datagramsToPeers) == before)
    }

    @Test func aClientThatStoppedInItsHandshakeIsServedAtOnce() throws {
        let relay = try LoopbackRelay.withCertificate()
        let socket = try FarSocket(relay.address)
        let hellos = try (0..<2).map { _ in try earlierHellos(relay, socket)[1] }
        for number in 0..<6 {
            while socket.receive(milliseconds: 0) != nil {}
            try socket.send(hellos[number % 2], to: relay.address)
            #expect(socket.receive() != nil)
            #expect(relay.wait { relay.value(.connectionsAccepted) == UInt64(number + 3) })
            #expect(relay.wait { relay.value(.connections) == 1 })
        }
    }
}
