/// What an idle session costs: the bound of 40 KB for each established connection, and bounded half-open ones.
///
/// Measured in processes of their own: resident memory is the whole process's, and suites run side by side.

import CTLSClient
import TLS
import Testing

@Suite struct MemoryTests {
    @Test func anIdleStreamOfTLS12CostsLessThan40KB() async {
        await #expect(processExitsWith: .success) { try Cost.ofIdleStreams(version: 12) }
    }

    @Test func anIdleStreamOfTLS13CostsLessThan40KB() async {
        await #expect(processExitsWith: .success) { try Cost.ofIdleStreams(version: 13) }
    }

    @Test func anIdleDatagramSessionCostsLessThan40KB() async {
        await #expect(processExitsWith: .success) { try Cost.ofIdleDatagramSessions() }
    }

    @Test func aHalfOpenStreamCostsLessThan64KB() async {
        await #expect(processExitsWith: .success) { try Cost.ofHalfOpenStreams() }
    }

    @Test func aFloodOfHellosLeavesNoState() async {
        await #expect(processExitsWith: .success) { try Cost.ofFlood() }
    }
}

/// Traps where a session costs too much.
private enum Cost {
    static func ofIdleStreams(version: Int) throws {
        let context = try Certificates.context()
        check("an idle session of TLS 1.\(version - 10)", below: 40_000) { server, index in
            let client = Client(minimum: version, maximum: version, protocols: ["stun.turn"])
            let pair = Pair(context, client, server, index: index)
            pair.talk()
            precondition(server.receive(client.encrypt([1]), at: index).plaintext == [1])
            precondition(server.write(pattern(1000), at: index).writing == .written)
        }
    }

    static func ofIdleDatagramSessions() throws {
        let context = try Certificates.context(.datagram)
        check("an idle session of DTLS", below: 40_000) { server, index in
            let world = DTLSWorld(context, Client(datagram: true), server, index: index)
            world.talk()
            precondition(server.receive(world.client.encrypt([1]), at: index).plaintext == [1])
            precondition(server.write(pattern(1000), at: index).writing == .written)
        }
    }

    static func ofHalfOpenStreams() throws {
        let context = try Certificates.context()
        check("a half-open session of TLS", below: 64_000) { server, index in
            let client = Client()
            client.handshake()
            let hello = client.take().flatMap { $0 }
            precondition(server.open(context, at: index))
            _ = server.receive(Array(hello.dropLast()), at: index)
        }
    }

    /// ClientHellos from many addresses, every other with the cookie of another one.
    static func ofFlood() throws {
        let context = try Certificates.context(.datagram)
        let client = Client(datagram: true)
        let server = Server(capacity: 1)
        client.handshake()
        let plain = client.takeOne() ?? []
        client.feed(server.listen(plain, from: [9], context).output)
        client.handshake()
        let forged = client.takeOne() ?? []
        var before = 0
        for round in 0..<20_000 as Range<UInt32> {
            if round == 2000 { before = residentBytes() }
            let address = (0..<4).map { UInt8(truncatingIfNeeded: round >> ($0 * 8)) }
            let hello = server.listen(round % 2 == 0 ? plain : forged, from: address, context).hello
            precondition(hello == .verify(outputCount: 60))
        }
        precondition(server.count == 0)
        precondition(residentBytes() - before < 1 << 19)
    }

    /// Resident bytes for each of many sessions that `make` leaves in a server's places.
    private static func check(
        _ what: String,
        below bound: Int,
        count: Int = 300,
        _ make: (Server, UInt32) -> Void
    ) {
        let server = Server(capacity: count + 100)
        // What the first sessions take is the heap's own.
        for index in 0..<100 as Range<UInt32> { make(server, index) }
        turnpike_trim_heap()
        let before = residentBytes()
        for index in 100..<UInt32(count) + 100 { make(server, index) }
        turnpike_trim_heap()
        let bytes = (residentBytes() - before) / count
        print("\(what): \(bytes) bytes")
        precondition(bytes < bound)
    }
}
