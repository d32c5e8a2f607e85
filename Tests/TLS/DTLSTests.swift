/// DTLS sessions: handshake, datagrams, loss, timers.

import Foundation
import TLS
import Testing

@Suite struct RFC6347_HandshakeTests {
    @Test func aHandshakeBeginsWithACookie() throws {
        let world = try DTLSWorld()
        world.talk()
        #expect(world.verifies == 1)
        #expect(world.client.handshake() == 1)
        #expect(!world.server.isHandshaking)
        #expect(world.server.version == .tls12)
        let step = world.server.receive(world.client.encrypt(pattern(900)))
        #expect(step.plaintext == pattern(900))
        let answer = world.server.write(pattern(1100))
        #expect(answer.writing == .written)
        world.client.feed(answer.output)
        #expect(world.client.read() == pattern(1100))
    }

    @Test(arguments: [300, 512, 1200, 4000])
    func noDatagramOfAHandshakeIsLongerThanTheMTU(mtu: Int) throws {
        let world = try DTLSWorld(mtu: mtu)
        world.talk()
        #expect(world.client.handshake() == 1)
        #expect(world.longest <= mtu)
        #expect(world.longest > mtu / 2 || mtu > 1000)
    }

    @Test func protocolsAreAgreedOnAsForTLS() throws {
        let world = try DTLSWorld(Client(datagram: true, protocols: ["stun.turn"]))
        world.talk()
        #expect(world.server.applicationProtocol == .turn)
        let other = try DTLSWorld(Client(datagram: true, protocols: ["h2"]))
        other.talk()
        #expect(other.client.alert == 120)
    }

    @Test func aTicketShortensTheHandshake() throws {
        let first = try DTLSWorld.established()
        let again = DTLSWorld(first.context, Client(datagram: true, resuming: first.client))
        again.talk()
        #expect(again.client.handshake() == 1)
        #expect(again.server.isResumed)
    }

    @Test func reorderedFlightsAreSorted() throws {
        let world = try DTLSWorld(mtu: 300)
        world.talk { $0.reversed() }
        #expect(world.client.handshake() == 1)
        #expect(world.server.receive(world.client.encrypt([1])).plaintext == [1])
    }

    @Test func doubledDatagramsAreTakenOnce() throws {
        let world = try DTLSWorld()
        world.talk { $0.flatMap { [$0, $0] } }
        #expect(world.client.handshake() == 1)
        let wire = world.client.encrypt([1])
        #expect(world.server.receive(wire).plaintext == [1])
        #expect(world.server.receive(wire).plaintext == [])
    }

    @Test func aFlightWithoutRoomIsNotLost() throws {
        let world = try DTLSWorld(mtu: 300)
        let hello = world.clientsFlight()
        hello.flatMap { world.serve($0) }.forEach(world.client.feed)
        let second = try #require(world.clientsFlight().first)
        #expect(world.server.listen(second, world.context).hello == .accepted)
        #expect(world.server.step([], outputRoom: 299).state == .needsOutputRoom)
        let step = world.server.receive([], outputRoom: 310)
        #expect(step.datagrams.count > 1)
        step.datagrams.forEach(world.client.feed)
        world.talk()
        #expect(world.client.handshake() == 1)
    }
}

@Suite(.serialized) struct RFC6347_TimerTests {
    /// Waits until the timers of both sides have ended: their first is a second.
    private func wait() { usleep(1_050_000) }

    /// Waits until the server's timer has ended, and says whether it does within half a minute.
    private func waitForServer(_ world: DTLSWorld) -> Bool {
        for _ in 0..<3000 {
            if world.server.nextTimer == 5_000_000_000 { return true }
            usleep(10_000)
        }
        return false
    }

    @Test func theServersLostFlightIsSentAgain() throws {
        let world = try DTLSWorld()
        world.clientsFlight().flatMap { world.serve($0) }.forEach(world.client.feed)
        #expect(world.server.nextTimer == nil)
        let lost = world.clientsFlight().flatMap { world.serve($0) }
        let due = try #require(world.server.nextTimer)
        #expect((5_000_000_000...6_000_000_000).contains(due))
        // Not before its time, which a busy machine may have let pass meanwhile.
        if due > 5_500_000_000 { #expect(world.server.retransmit().output.isEmpty) }
        #expect(waitForServer(world))
        let again = world.server.retransmit()
        #expect(again.state == .handshaking)
        #expect(again.output.count == lost.map(\.count).reduce(0, +))
        again.datagrams.forEach(world.client.feed)
        world.talk()
        #expect(world.client.handshake() == 1)
        #expect(world.server.nextTimer == nil)
    }

    @Test func theClientsLostFlightIsAskedForAgain() throws {
        let world = try DTLSWorld()
        world.clientsFlight().flatMap { world.serve($0) }.forEach(world.client.feed)
        world.clientsFlight().flatMap { world.serve($0) }.forEach(world.client.feed)
        #expect(!world.clientsFlight().isEmpty)
        wait()
        world.client.retransmit()
        world.client.take().flatMap { world.serve($0) }.forEach(world.client.feed)
        #expect(world.client.handshake() == 1)
    }

    @Test func theServersLastFlightIsSentAgainWhenTheClientAsks() throws {
        let world = try DTLSWorld()
        world.clientsFlight().flatMap { world.serve($0) }.forEach(world.client.feed)
        world.clientsFlight().flatMap { world.serve($0) }.forEach(world.client.feed)
        let lost = world.clientsFlight().flatMap { world.serve($0) }
        #expect(!lost.isEmpty)
        #expect(!world.server.isHandshaking)
        #expect(world.client.handshake() == 0)
        wait()
        world.client.retransmit()
        world.client.take().flatMap { world.serve($0) }.forEach(world.client.feed)
        #expect(world.client.handshake() == 1)
    }
}

@Suite struct DTLSDatagramTests {
    @Test func aDatagramOfSeveralRecordsIsSeveralMessages() throws {
        let world = try DTLSWorld.established()
        let datagram = [[1], [2, 2], [3, 3, 3]].flatMap { world.client.encrypt($0) }
        let first = world.server.step(datagram)
        #expect(first.state == .morePlaintext)
        #expect(first.plaintext == [1])
        #expect(first.consumed == datagram.count)
        let second = world.server.step([])
        #expect(second.plaintext == [2, 2])
        let third = world.server.step([])
        #expect(third.plaintext == [3, 3, 3])
        #expect(third.state == .open)
    }

    @Test func aRecordWithoutRoomIsDroppedWhole() throws {
        let world = try DTLSWorld.established()
        for (count, room) in [(101, 100), (16_384, 2048), (16_384, 16_383), (2, 1)] {
            let step = world.server.step(world.client.encrypt(pattern(count)), plaintextRoom: room)
            #expect(step.plaintext.isEmpty)
            #expect(step.state == .open)
        }
        let fitting = world.server.step(world.client.encrypt(pattern(100)), plaintextRoom: 100)
        #expect(fitting.plaintext == pattern(100))
        let both = world.client.encrypt(pattern(300)) + world.client.encrypt([7])
        #expect(world.server.step(both, plaintextRoom: 200).state == .morePlaintext)
        #expect(world.server.step([], plaintextRoom: 200).plaintext == [7])
    }

    @Test func aWriteIsOneDatagram() throws {
        let world = try DTLSWorld.established()
        let text = pattern(TLSSessions.maximumPlaintext)
        #expect(world.server.write(text + [0]).writing == .tooLong)
        let sent = world.server.write(text)
        #expect(sent.writing == .written)
        world.client.feed(sent.output)
        #expect(world.client.readOne() == text)
    }

    @Test(arguments: ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"])
    func whatDoesNotDecryptIsDroppedInSilence(cipher: String) throws {
        let world = try DTLSWorld(Client(datagram: true, cipher: cipher))
        world.talk()
        let good = world.client.encrypt(pattern(50))
        for position in good.indices {
            var bad = good
            bad[position] ^= 0x40
            let step = world.server.receive(bad)
            #expect(step.state == .open)
            #expect(step.plaintext.isEmpty)
            #expect(step.output.isEmpty)
        }
        for length in good.indices {
            var short = Array(good.prefix(length))
            #expect(world.server.receive(short).state == .open)
            guard length >= 13 else { continue }
            short[11] = UInt8((length - 13) >> 8)
            short[12] = UInt8((length - 13) & 255)
            #expect(world.server.receive(short + good).state == .open)
        }
        #expect(world.server.receive(pattern(60_000)).state == .open)
        #expect(world.server.receive(world.client.encrypt([7])).plaintext == [7])
    }

    @Test func closeNotifyIsUnderstoodAndSaid() throws {
        let world = try DTLSWorld.established()
        world.client.shutdown()
        #expect(world.server.receive(world.client.take().flatMap { $0 }).state == .closedByPeer)
        let other = try DTLSWorld.established()
        let goodbye = other.server.close()
        #expect(goodbye.datagrams.count == 1)
        other.client.feed(goodbye.output)
        #expect(other.client.read().isEmpty)
        #expect(other.client.isShut)
    }
}
