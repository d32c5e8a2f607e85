/// Handshakes of TLS: versions, ciphers, ALPN, tickets.

import TLS
import Testing

@Suite struct HandshakeTests {
    @Test(arguments: [12, 13])
    func bothVersionsAreSpoken(version: Int) throws {
        let pair = Pair(try Certificates.context(), Client(minimum: version, maximum: version))
        #expect(pair.server.isHandshaking)
        #expect(pair.server.version == nil)
        #expect(pair.talk().state == .open)
        #expect(!pair.server.isHandshaking)
        #expect(pair.server.version == (version == 13 ? .tls13 : .tls12))
        #expect(pair.client.handshake() == 1)
        #expect(pair.server.receive(pair.client.encrypt(pattern(100))).plaintext == pattern(100))
        pair.client.feed(pair.server.write(pattern(200)).output)
        #expect(pair.client.read() == pattern(200))
    }

    @Test func belowTheMinimumIsRefused() throws {
        let old = Pair(try Certificates.context(), Client(minimum: 11, maximum: 11))
        #expect(old.talk().state == .failed(.noCommonVersion))
        #expect(old.client.alert == 70)
        let strict = Pair(
            try Certificates.context(minimum: .tls13),
            Client(minimum: 12, maximum: 12)
        )
        #expect(strict.talk().state == .failed(.noCommonVersion))
        #expect(strict.client.alert == 70)
    }

    @Test(arguments: ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"])
    func forwardSecretCiphersAreSpoken(cipher: String) throws {
        let pair = Pair(try Certificates.context(), Client(maximum: 12, cipher: cipher))
        #expect(pair.talk().state == .open)
    }

    @Test(arguments: ["DHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"])
    func theCiphersOfRFC8489_6_2_3_AreSpoken(cipher: String) throws {
        for transport in [TLSTransport.stream, .datagram] {
            let context = try TLSContext(
                transport,
                certificate: Certificates.rsa,
                privateKey: Certificates.rsa
            )
            guard transport == .datagram else {
                #expect(Pair(context, Client(maximum: 12, cipher: cipher)).talk().state == .open)
                continue
            }
            let world = DTLSWorld(context, Client(datagram: true, cipher: cipher))
            world.talk()
            #expect(world.client.handshake() == 1)
        }
    }

    @Test(arguments: ["ECDHE-ECDSA-AES128-SHA", "AES128-SHA", "ECDHE-ECDSA-NULL-SHA"])
    func otherCiphersAreRefused(cipher: String) throws {
        let pair = Pair(try Certificates.context(), Client(maximum: 12, cipher: cipher))
        #expect(pair.talk().state == .failed(.noCommonCipher))
        #expect(pair.client.alert == 40)
    }
}

@Suite struct RFC7443_ALPNTests {
    /// What the server and the client hold for agreed on.
    private func agree(_ protocols: [String], http: Bool = false, version: Int) throws -> (
        TLSApplicationProtocol, String
    ) {
        let pair = Pair(
            try Certificates.context(offersHTTP: http),
            Client(minimum: version, maximum: version, protocols: protocols)
        )
        #expect(pair.talk().state == .open)
        return (pair.server.applicationProtocol, pair.client.applicationProtocol)
    }

    @Test(arguments: [12, 13])
    func eachProtocolIsKnown(version: Int) throws {
        #expect(try agree(["stun.turn"], version: version) == (.turn, "stun.turn"))
        #expect(
            try agree(["stun.nat-discovery"], version: version)
                == (.natDiscovery, "stun.nat-discovery")
        )
        #expect(try agree(["http/1.1"], http: true, version: version) == (.http, "http/1.1"))
    }

    @Test func theServersOrderDecides() throws {
        let offered = ["h2", "http/1.1", "stun.nat-discovery", "stun.turn"]
        #expect(try agree(offered, http: true, version: 13) == (.turn, "stun.turn"))
        #expect(try agree(["h2", "http/1.1"], http: true, version: 13) == (.http, "http/1.1"))
    }

    @Test(arguments: [12, 13])
    func aClientWithoutALPNIsServed(version: Int) throws {
        #expect(try agree([], version: version) == (.unspecified, ""))
    }

    @Test(arguments: [12, 13])
    func aListWithoutOursEndsInAnAlert(version: Int) throws {
        for offered in [["h2"], ["http/1.1"], ["stun.tur"], ["stun.turn2", "x"]] {
            let pair = Pair(
                try Certificates.context(),
                Client(minimum: version, maximum: version, protocols: offered)
            )
            #expect(pair.talk().state == .failed(.noCommonProtocol))
            #expect(pair.client.alert == 120)
        }
    }
}

@Suite struct ResumptionTests {
    /// A client that holds a ticket of a context.
    private func visited(_ context: TLSContext, _ version: Int) -> Client {
        let pair = Pair(context, Client(minimum: version, maximum: version))
        pair.talk()
        pair.client.feed(pair.server.write([1]).output)
        #expect(pair.client.read() == [1])
        #expect(pair.client.tickets == 1)
        #expect(!pair.server.isResumed)
        return pair.client
    }

    private func isResumed(_ context: TLSContext, _ previous: Client, _ version: Int) -> Bool {
        let again = Client(minimum: version, maximum: version, resuming: previous)
        let pair = Pair(context, again)
        #expect(pair.talk().state == .open)
        #expect(pair.server.receive(again.encrypt([7])).plaintext == [7])
        #expect(again.isResumed == pair.server.isResumed)
        return again.isResumed
    }

    @Test(arguments: [12, 13])
    func aTicketShortensTheHandshakeOnAnyThread(version: Int) throws {
        let context = try Certificates.context()
        #expect(isResumed(context, visited(context, version), version))
    }

    @Test(arguments: [12, 13])
    func aReloadedContextTakesTicketsOfTheOldOne(version: Int) throws {
        let old = try Certificates.context()
        let client = visited(old, version)
        #expect(isResumed(try Certificates.context(ticketKeysOf: old), client, version))
    }

    @Test(arguments: [12, 13])
    func aStrangersTicketMeansAFullHandshake(version: Int) throws {
        let client = visited(try Certificates.context(), version)
        #expect(!isResumed(try Certificates.context(), client, version))
    }

    @Test(arguments: [12, 13])
    func aTicketIsTakenUntilItsKeyWasReplacedTwice(version: Int) throws {
        let context = try Certificates.context()
        let age = TLSContext.ticketKeySeconds
        context.rotateTicketKeys(at: 1000)
        // A client comes again once: OpenSSL's forgets a ticket whose connection ended without a word.
        let clients = (0..<4).map { _ in visited(context, version) }
        for (client, (seconds, isTaken)) in zip(
            clients,
            [
                (999 + age, true), (1000 + age, true), (999 + 2 * age, true),
                (1000 + 2 * age, false),
            ]
        ) {
            context.rotateTicketKeys(at: seconds)
            #expect(isResumed(context, client, version) == isTaken, "\(seconds)")
        }
        #expect(isResumed(context, visited(context, version), version))
    }

    @Test(arguments: [12, 13])
    func aTicketIsNotTakenAfterALongSilence(version: Int) throws {
        let context = try Certificates.context()
        context.rotateTicketKeys(at: 1000)
        let client = visited(context, version)
        context.rotateTicketKeys(at: 1000 + 2 * TLSContext.ticketKeySeconds)
        #expect(!isResumed(context, client, version))
    }

    @Test(arguments: [12, 13])
    func whoComesAgainGetsATicketOfThePresentKey(version: Int) throws {
        let context = try Certificates.context()
        context.rotateTicketKeys(at: 1000)
        var client = visited(context, version)
        for number in 1...5 as ClosedRange<UInt64> {
            context.rotateTicketKeys(at: 1000 + number * TLSContext.ticketKeySeconds)
            let again = Client(minimum: version, maximum: version, resuming: client)
            let pair = Pair(context, again)
            pair.talk()
            pair.client.feed(pair.server.write([1]).output)
            #expect(again.read() == [1])
            // The one before is good for one more change only, so each came with a new one.
            #expect(again.isResumed)
            client = again
        }
    }

    @Test func eachTicketOfTLS13IsFollowedByAnother() throws {
        let context = try Certificates.context()
        let first = visited(context, 13)
        let again = Client(minimum: 13, resuming: first)
        let pair = Pair(context, again)
        // A ticket goes with the client that holds it.
        _ = withExtendedLifetime(first) { pair.talk() }
        pair.client.feed(pair.server.write([1]).output)
        #expect(again.read() == [1])
        #expect(again.isResumed && again.tickets == 1)
    }

    @Test(arguments: [12, 13])
    func contextsOfOneFamilyRotateAsOne(version: Int) throws {
        let old = try Certificates.context()
        old.rotateTicketKeys(at: 1000)
        let (first, second) = (visited(old, version), visited(old, version))
        let new = try Certificates.context(ticketKeysOf: old)
        for context in [old, new, old, new] {
            context.rotateTicketKeys(at: 1000 + TLSContext.ticketKeySeconds)
        }
        #expect(isResumed(new, first, version))
        #expect(isResumed(old, visited(new, version), version))
        new.rotateTicketKeys(at: 1000 + 2 * TLSContext.ticketKeySeconds)
        #expect(!isResumed(old, second, version))
    }

    @Test func keysMayChangeWhileHandshakesUseThem() async throws {
        let context = try Certificates.context()
        let first = visited(context, 13)
        context.rotateTicketKeys(at: 0)
        await withTaskGroup(of: Bool.self) { group in
            for number in 0..<4 as Range<UInt64> {
                group.addTask {
                    (1...25 as ClosedRange<UInt64>).allSatisfy { step in
                        context.rotateTicketKeys(at: (4 * step + number) * 1800)
                        let visit = self.visited(context, 12)
                        let again = Client(maximum: 12, resuming: visit)
                        return Pair(context, again).talk().state == .open
                    }
                }
            }
            for await isDone in group { #expect(isDone) }
        }
        #expect(!isResumed(context, first, 13))
    }

    @Test func sessionsOutliveTheirContext() throws {
        var pair: Pair?
        do { pair = Pair(try Certificates.context(), Client()) }
        #expect(pair?.talk().state == .open)
    }
}
