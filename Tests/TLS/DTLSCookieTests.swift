/// Before a client has proved its address, nothing is kept of it (RFC 6347 4.2.1, RFC 7350 3).

import TLS
import Testing

@Suite struct RFC6347_4_2_1_CookieTests {
    private let context: TLSContext

    init() throws { context = try Certificates.context(.datagram) }

    /// A ClientHello without a cookie.
    private func hello() -> [UInt8] {
        let client = Client(datagram: true)
        client.handshake()
        return client.takeOne() ?? []
    }

    /// A ClientHello with the cookie of an address.
    private func cookie(of address: [UInt8], seconds: UInt64 = 1000) -> [UInt8] {
        let (client, server) = (Client(datagram: true), Server())
        client.handshake()
        client.take().forEach {
            client.feed(server.listen($0, from: address, seconds: seconds, context).output)
        }
        client.handshake()
        return client.takeOne() ?? []
    }

    @Test func anyThreadTakesTheCookieOfAnother() throws {
        let datagram = cookie(of: [1, 2, 3])
        #expect(Server().listen(datagram, from: [1, 2, 3], context).hello == .accepted)
        let reloaded = try Certificates.context(.datagram, ticketKeysOf: context)
        #expect(Server().listen(datagram, from: [1, 2, 3], reloaded).hello == .accepted)
    }

    @Test func theCookieOfAnotherAddressIsRefused() {
        let datagram = cookie(of: [1, 2, 3])
        let server = Server()
        for address in [[1, 2, 4], [1, 2], [], [1, 2, 3, 0]] as [[UInt8]] {
            let (hello, output) = server.listen(datagram, from: address, context)
            #expect(hello == .verify(outputCount: output.count))
        }
        #expect(!server.isOpen)
    }

    @Test func theCookieOfAnotherKeyIsRefused() throws {
        let datagram = cookie(of: [1])
        let other = try Certificates.context(.datagram)
        let server = Server()
        #expect(server.listen(datagram, from: [1], other).hello != .accepted)
        #expect(!server.isOpen)
    }

    @Test func aCookieIsGoodForAMinuteAndNeverForMoreThanTwo() {
        let datagram = cookie(of: [1], seconds: 1000)
        for (seconds, isGood) in [
            (1000, true), (1060, true), (1079, true), (1080, false), (99, false),
        ]
            as [(UInt64, Bool)]
        {
            let hello = Server().listen(datagram, from: [1], seconds: seconds, context).hello
            #expect((hello == .accepted) == isGood, "\(seconds)")
        }
    }

    @Test func forgedCookiesAreAskedForAgain() {
        let good = cookie(of: [1])
        let server = Server()
        // The cookie's 32 bytes are behind headers of 25, version 2, random 32, session 1, length 1.
        for position in 61..<93 {
            var forged = good
            forged[position] ^= 1
            let (hello, output) = server.listen(forged, from: [1], context)
            #expect(hello == .verify(outputCount: output.count))
        }
        #expect(server.count == 0)
        #expect(server.listen(good, from: [1], context).hello == .accepted)
    }

    @Test func theAnswerIsShorterThanTheQuestion() {
        let datagram = hello()
        let output = Server().listen(datagram, context).output
        #expect(output.count == 60)
        #expect(output.count < datagram.count)
    }

    @Test func withoutRoomThereIsNoAnswer() {
        let server = Server()
        #expect(server.listen(hello(), context, outputRoom: 20).hello == .ignored)
        #expect(server.listen(hello(), context).hello == .verify(outputCount: 60))
    }

    @Test func whatIsNoClientHelloIsIgnored() {
        let (server, good) = (Server(), cookie(of: [1]))
        for length in 0..<good.count {
            #expect(
                server.listen(Array(good.prefix(length)), from: [1], context).hello != .accepted
            )
        }
        for first in [0, 1, 20, 21, 23, 24, 63, 64, 255] as [UInt8] {
            let datagram = [first] + good.dropFirst()
            #expect(server.listen(datagram, from: [1], context).hello == .ignored)
        }
        #expect(server.count == 0)
    }

    @Test func aSessionKnowsTheHellosThatBeganIt() throws {
        let world = try DTLSWorld()
        let first = try #require(world.clientsFlight().first)
        world.serve(first).forEach(world.client.feed)
        let second = try #require(world.clientsFlight().first)
        world.serve(second).forEach(world.client.feed)
        for datagram in [first, second] {
            #expect(world.server.began(with: datagram))
            #expect(!world.server.began(with: Array(datagram.prefix(58))))
        }
        #expect(!world.server.began(with: hello()))
        world.talk()
        #expect(!world.server.isHandshaking)
        #expect(world.server.began(with: first) && world.server.began(with: second))
        _ = world.server.close()
        #expect(!world.server.began(with: first))
    }

    @Test func recordsOfHandshakesAreToldFromData() throws {
        let world = try DTLSWorld()
        var handshake: [[UInt8]] = []
        world.talk {
            handshake += $0
            return $0
        }
        let isOne = { (datagram: [UInt8]) in TLSSessions.mayBeOfHandshake(datagram.span.bytes) }
        #expect(handshake.allSatisfy(isOne))
        let data = world.client.encrypt([1])
        #expect(!isOne(data))
        world.client.shutdown()
        #expect(!world.client.take().contains(where: isOne))
        #expect(!isOne(Array(handshake[0].prefix(12))))
    }

    @Test func aClientThatBeganAnewIsSeen() throws {
        let world = try DTLSWorld.established()
        let (anew, record) = (hello(), world.client.encrypt([1]))
        let isSeen = [anew, record].map { TLSSessions.isClientHello($0.span.bytes) }
        #expect(isSeen == [true, false])
        // It does not disturb the session that is open (4.2.8), until the new one has proved the address.
        #expect(world.server.receive(anew).state == .open)
        #expect(world.server.receive(world.client.encrypt([5])).plaintext == [5])
    }
}
