/// Records over a stream: split, joined, too large, broken, ended.

import TLS
import Testing

@Suite struct StreamTests {
    @Test(arguments: [12, 13])
    func everyByteMayComeAlone(version: Int) throws {
        let pair = Pair(try Certificates.context(), Client(minimum: version, maximum: version))
        #expect(pair.talk(pieces: 1).state == .open)
        var got: [UInt8] = []
        for byte in pair.client.encrypt(pattern(300)) {
            let step = pair.server.receive([byte])
            #expect(step.state == .open)
            got += step.plaintext
        }
        #expect(got == pattern(300))
    }

    @Test(arguments: [12, 13])
    func manyRecordsMayComeTogether(version: Int) throws {
        let pair = try Pair.established(version)
        let sent = (0..<20).map { pattern(50 + $0 * 40, seed: $0) }
        let wire = sent.flatMap { pair.client.encrypt($0) }
        let step = pair.server.step(wire)
        #expect(step.state == .open)
        #expect(step.consumed == wire.count)
        #expect(step.plaintext == sent.flatMap { $0 })
    }

    @Test(arguments: [1, 7, 100, 16_384])
    func plaintextWaitsForRoom(room: Int) throws {
        let pair = try Pair.established()
        let sent = pattern(16_384) + pattern(5000)
        let wire = pair.client.encrypt(sent)
        let first = pair.server.step(wire, plaintextRoom: room)
        #expect(first.state == .morePlaintext)
        #expect(first.plaintext == Array(sent.prefix(room)))
        let rest = Array(wire.dropFirst(first.consumed))
        let all = pair.server.receive(rest, plaintextRoom: room)
        #expect(first.plaintext + all.plaintext == sent)
        #expect(all.state == .open)
    }

    @Test func plaintextIsKeptWithoutAnyRoom() throws {
        let pair = try Pair.established()
        let wire = pair.client.encrypt(pattern(40))
        let none = pair.server.step(wire, plaintextRoom: 0)
        #expect(none.state == .morePlaintext)
        #expect(none.consumed == 0)
        #expect(pair.server.step(wire, plaintextRoom: 40).plaintext == pattern(40))
        #expect(pair.server.step([], plaintextRoom: 0).state == .open)
    }

    @Test(arguments: [12, 13])
    func aHandshakeWaitsForRoom(version: Int) throws {
        for room in [1, 5, 100, 4096] {
            let pair = Pair(try Certificates.context(), Client(minimum: version, maximum: version))
            #expect(pair.talk(outputRoom: room).state == .open)
            #expect(pair.server.receive(pair.client.encrypt([1, 2])).plaintext == [1, 2])
        }
    }

    @Test func withoutAnyRoomNothingIsLost() throws {
        let pair = Pair(try Certificates.context(), Client())
        pair.client.handshake()
        let hello = pair.client.take().flatMap { $0 }
        let full = pair.server.step(hello, outputRoom: 0)
        #expect(full.state == .needsOutputRoom)
        #expect(full.output.isEmpty)
        #expect(pair.server.step([], outputRoom: 0).state == .needsOutputRoom)
        let early = pair.server.write([1])
        #expect(early.writing == .notOpen)
        pair.client.feed(early.output)
        pair.client.feed(pair.server.receive(Array(hello.dropFirst(full.consumed))).output)
        #expect(pair.talk().state == .open)
    }

    @Test(arguments: [12, 13])
    func writingNeedsRoomForAWholeRecord(version: Int) throws {
        let pair = try Pair.established(version)
        let text = pattern(TLSSessions.maximumPlaintext)
        let short = pair.server.write(text, outputRoom: text.count + TLSSessions.recordOverhead - 1)
        #expect(short.writing == .needsOutputRoom)
        #expect(short.output.isEmpty)
        let whole = pair.server.write(text, outputRoom: text.count + TLSSessions.recordOverhead)
        #expect(whole.writing == .written)
        pair.client.feed(whole.output)
        #expect(pair.client.readOne() == text)
        #expect(pair.server.write(text + [0]).writing == .tooLong)
        #expect(pair.server.write([]).writing == .written)
        #expect(pair.server.write([]).output.isEmpty)
    }

    @Test func writingWaitsForTheHandshake() throws {
        let pair = Pair(try Certificates.context(), Client())
        #expect(pair.server.write([1]).writing == .notOpen)
        pair.talk()
        #expect(pair.server.write([1]).writing == .written)
    }

    @Test func aMegabyteEachWayIsWhole() throws {
        let pair = try Pair.established()
        let text = pattern(1 << 20)
        var (up, down): ([UInt8], [UInt8]) = ([], [])
        for start in stride(from: 0, to: text.count, by: 16_384) {
            let piece = Array(text[start..<start + 16_384])
            up += pair.server.receive(pair.client.encrypt(piece), plaintextRoom: 3000).plaintext
            pair.client.feed(pair.server.write(piece).output)
            down += pair.client.read()
        }
        #expect(up == text)
        #expect(down == text)
    }

    @Test func newKeysAreAnswered() throws {
        let pair = try Pair.established()
        pair.client.updateKey()
        let wire = pair.client.encrypt([1, 2, 3])
        #expect(pair.server.step(wire, outputRoom: 0).plaintext == [1, 2, 3])
        let short = pair.server.write([4], outputRoom: TLSSessions.recordOverhead)
        #expect(short.writing == .needsOutputRoom)
        pair.client.feed(short.output + pair.server.write([5, 6]).output)
        #expect(pair.client.read() == [5, 6])
    }
}

@Suite struct StreamEndTests {
    @Test(arguments: [12, 13])
    func closeNotifyEndsAfterThePlaintext(version: Int) throws {
        let pair = try Pair.established(version)
        let text = pair.client.encrypt(pattern(10))
        pair.client.shutdown()
        let step = pair.server.receive(text + pair.client.take().flatMap { $0 })
        #expect(step.plaintext == pattern(10))
        #expect(step.state == .closedByPeer)
        pair.client.feed(pair.server.close().output)
        _ = pair.client.read()
        #expect(pair.client.isShut)
        #expect(pair.server.count == 0)
    }

    @Test func theServerSaysGoodbye() throws {
        let pair = try Pair.established()
        pair.client.feed(pair.server.close().output)
        #expect(pair.client.read().isEmpty)
        #expect(pair.client.isShut)
        #expect(!pair.server.isOpen)
    }

    @Test func aClosedPlaceServesTheNext() throws {
        let context = try Certificates.context()
        let server = Server(capacity: 1)
        for _ in 0..<3 {
            #expect(Pair(context, Client(), server).talk().state == .open)
            _ = server.close()
        }
        _ = Pair(context, Client(), server)
        #expect(server.close().output.isEmpty)
        server.sessions.discard(0)
        #expect(server.count == 0)
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7}", "CONNECT a",
    ])
    func whatIsNotTLSFails(text: String) throws {
        let pair = Pair(try Certificates.context(), Client())
        let step = pair.server.receive(Array(text.utf8))
        #expect(step.state == .failed(.notTLS))
        #expect(pair.server.receive([1]).state == .failed(.notTLS))
        #expect(pair.server.write([1]).writing == .failed(.notTLS))
    }

    @Test(arguments: [12, 13])
    func aBrokenRecordEndsTheSession(version: Int) throws {
        let pair = try Pair.established(version)
        var wire = pair.client.encrypt(pattern(100))
        wire[50] ^= 1
        let step = pair.server.receive(wire)
        #expect(step.state == .failed(.badRecord))
        #expect(step.plaintext.isEmpty)
        pair.client.feed(step.output)
        _ = pair.client.read()
        #expect(pair.client.alert == 20)
        #expect(pair.server.close().output.isEmpty)
    }

    @Test func anAlertThatFoundNoRoomComesWithTheEnd() throws {
        let pair = Pair(try Certificates.context(), Client(protocols: ["h2"]))
        pair.client.handshake()
        let step = pair.server.step(pair.client.take().flatMap { $0 }, outputRoom: 0)
        #expect(step.state == .failed(.noCommonProtocol))
        pair.client.feed(pair.server.close().output)
        pair.client.handshake()
        #expect(pair.client.alert == 120)
    }

    @Test func aRecordCutShortIsNoPlaintext() throws {
        let pair = try Pair.established()
        let step = pair.server.receive(Array(pair.client.encrypt(pattern(100)).dropLast()))
        #expect(step.state == .open)
        #expect(step.plaintext.isEmpty)
    }

    @Test func aHelloThatAnnouncesTooMuchIsRefusedAtItsHeader() throws {
        let context = try Certificates.context()
        let long: [UInt8] = [22, 3, 1, 0x40, 0, 1, 0, 0x40, 1]
        for pieces in [[long], long.map { [$0] }] {
            let server = Server()
            #expect(server.open(context))
            let steps = pieces.map { server.receive($0) }
            #expect(steps.last?.state == .failed(.helloTooLong))
        }
        let hidden = Server()
        #expect(hidden.open(context))
        let state = hidden.receive([22, 3, 1, 0, 1, 1, 22, 3, 1, 0, 3, 1, 0xFF, 0xFF]).state
        #expect(state == .failed(.helloTooLong))
    }

    @Test func clientsMayNotRenegotiate() throws {
        let pair = try Pair.established(12)
        pair.client.renegotiate()
        pair.client.handshake()
        let step = pair.server.receive(pair.client.take().flatMap { $0 })
        #expect(step.state == .open)
        pair.client.feed(step.output)
        #expect(pair.client.handshake() == -1)
        #expect(pair.client.alert == 100)
    }
}
