/// Which ciphers are spoken and which are not, and that nothing is compressed (RFC 8489 6.2.3, RFC 7350 3).

import TLS
import Testing

@Suite struct CipherTests {
    /// RFC 8446 9.1: the first must be there, the others should.
    @Test(arguments: [
        "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
    ])
    func suitesOfTLS13AreSpoken(_ suite: String) throws {
        let pair = Pair(try Certificates.context(), Client(minimum: 13, cipher: suite))
        #expect(pair.talk().state == .open)
        #expect(pair.client.cipher == suite)
    }

    @Test(arguments: ["TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"])
    func otherSuitesOfTLS13AreRefused(_ suite: String) throws {
        let pair = Pair(try Certificates.context(), Client(minimum: 13, cipher: suite))
        #expect(pair.talk().state == .failed(.noCommonCipher))
        #expect(pair.client.alert == 40)
    }

    private func rsa(_ transport: TLSTransport) throws -> TLSContext {
        try TLSContext(
            transport,
            certificate: Certificates.rsa,
            privateKey: Certificates.rsa
        )
    }

    /// A client whose handshake has ended, well or not.
    private func client(_ transport: TLSTransport, offering ciphers: String) throws -> Client {
        guard transport == .datagram else {
            let pair = Pair(try rsa(transport), Client(maximum: 12, cipher: ciphers))
            pair.talk()
            return pair.client
        }
        let world = DTLSWorld(try rsa(transport), Client(datagram: true, cipher: ciphers))
        world.talk()
        return world.client
    }

    /// A client that likes a key of the certificate's best gets one of the moment.
    @Test(arguments: [
        (
            TLSTransport.stream, "AES128-GCM-SHA256:DHE-RSA-AES128-GCM-SHA256",
            "DHE-RSA-AES128-GCM-SHA256"
        ),
        (
            .stream, "AES128-SHA:AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256",
            "ECDHE-RSA-AES128-GCM-SHA256"
        ),
        (
            .datagram, "AES128-GCM-SHA256:DHE-RSA-AES128-GCM-SHA256",
            "DHE-RSA-AES128-GCM-SHA256"
        ),
        (
            .datagram, "AES128-SHA:AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256",
            "ECDHE-RSA-AES128-GCM-SHA256"
        ),
    ])
    func forwardSecrecyIsPreferred(
        _ transport: TLSTransport,
        _ offered: String,
        _ chosen: String
    ) throws {
        let client = try client(transport, offering: offered)
        #expect(client.handshake() == 1)
        #expect(client.cipher == chosen)
    }

    /// No forward secrecy, no authentication, no encryption, or no AEAD.
    @Test(
        arguments: [TLSTransport.stream, .datagram],
        [
            "AES128-GCM-SHA256", "AES128-SHA", "ADH-AES128-GCM-SHA256", "AECDH-AES128-SHA",
            "NULL-SHA256", "ECDHE-RSA-NULL-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES128-SHA256",
        ]
    )
    func weakCiphersAreRefused(_ transport: TLSTransport, _ cipher: String) throws {
        let client = try client(transport, offering: cipher)
        #expect(client.handshake() == -1)
        #expect(client.alert == 40)
    }

    /// What a hand-made ClientHello draws: over a datagram, the second one with its cookie.
    private func answer(_ transport: TLSTransport, to hello: ClientHello) throws -> [UInt8] {
        let context = try Certificates.context(transport)
        let server = Server()
        guard transport == .datagram else {
            #expect(server.open(context))
            return server.receive(hello.record).output
        }
        let world = DTLSWorld(context, Client(datagram: true), server)
        let verify = try #require(world.serve(hello.datagram()).first)
        #expect(verify[13] == 3)
        let cookie = Array(verify[28...])
        return world.serve(hello.datagram(cookie: cookie, sequence: 1)).flatMap { $0 }
    }

    /// RC4, DES and 3DES with RSA, an export cipher, and none at all.
    @Test(
        arguments: [TLSTransport.stream, .datagram],
        [0x0005, 0x0009, 0x000A, 0x0003, 0xC007, 0xC008, 0x0000] as [UInt16]
    )
    func ciphersOfLongAgoAreRefused(_ transport: TLSTransport, _ suite: UInt16) throws {
        let header = transport == .stream ? 5 : 13
        let alone = try answer(transport, to: ClientHello(suites: [suite]))
        #expect(alone.first == 21)
        #expect(alone.dropFirst(header) == [2, 40])
        let both = try answer(transport, to: ClientHello(suites: [suite, 0xC02B]))
        let body = both.dropFirst(header + (transport == .stream ? 4 : 12))
        #expect(ClientHello.chosen(body).suite == 0xC02B)
    }

    @Test(arguments: [TLSTransport.stream, .datagram])
    func nothingIsCompressedWhateverTheClientOffers(_ transport: TLSTransport) throws {
        let hello = ClientHello(compressions: [1, 64, 0])
        let answer = try answer(transport, to: hello)
        #expect(answer.first == 22)
        let headers = transport == .stream ? 5 + 4 : 13 + 12
        #expect(ClientHello.chosen(answer.dropFirst(headers)).compression == 0)
        let insisting = try self.answer(transport, to: ClientHello(compressions: [1]))
        #expect(insisting.first == 21)
    }
}
