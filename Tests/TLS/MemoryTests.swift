/// What an idle session costs: the bound of 40 KB for each established TLS connection, and bounded half-open ones.

import CTLSClient
import TLS
import Testing

@Suite(.serialized) struct MemoryTests {
    private let count = 300

    /// Resident bytes for each of many sessions that `make` leaves in a server's places.
    private func cost(_ make: (Server, UInt32) throws -> Void) rethrows -> Int {
        let server = Server(capacity: count + 100)
        // What the first sessions take is the heap's own.
        for index in 0..<100 as Range<UInt32> { try make(server, index) }
        turnpike_trim_heap()
        let before = residentBytes()
        for index in 100..<UInt32(count) + 100 { try make(server, index) }
        turnpike_trim_heap()
        return (residentBytes() - before) / count
    }

    @Test(arguments: [12, 13])
    func anIdleStreamCostsLessThan40KB(version: Int) throws {
        let context = try Certificates.context()
        let bytes = cost { server, index in
            let client = Client(minimum: version, maximum: version, protocols: ["stun.turn"])
            let pair = Pair(context, client, server, index: index)
            pair.talk()
            #expect(
                server.receive(client.encrypt(pattern(1000)), at: index).plaintext.count == 1000
            )
            #expect(server.write(pattern(1000), at: index).writing == .written)
        }
        print("an idle session of TLS 1.\(version - 10): \(bytes) bytes")
        #expect(bytes < 40_000)
    }

    @Test func anIdleDatagramSessionCostsLessThan40KB() throws {
        let context = try Certificates.context(.datagram)
        let bytes = cost { server, index in
            let client = Client(datagram: true)
            for _ in 0..<4 {
                client.handshake()
                for datagram in client.take() {
                    if server.sessions.isOpen(index) {
                        server.receive(datagram, at: index).datagrams.forEach(client.feed)
                    } else {
                        let (hello, output) = server.listen(datagram, at: index, context)
                        if hello == .accepted {
                            server.receive([], at: index).datagrams.forEach(client.feed)
                        } else {
                            client.feed(output)
                        }
                    }
                }
            }
            #expect(server.receive(client.encrypt([1]), at: index).plaintext == [1])
        }
        print("an idle session of DTLS: \(bytes) bytes")
        #expect(bytes < 40_000)
    }

    @Test func aHalfOpenStreamIsBounded() throws {
        let context = try Certificates.context()
        let bytes = cost { server, index in
            let client = Client()
            client.handshake()
            let hello = client.take().flatMap { $0 }
            #expect(server.open(context, at: index))
            _ = server.receive(Array(hello.dropLast()), at: index)
        }
        print("a half-open session of TLS: \(bytes) bytes")
        #expect(bytes < 80_000)
    }
}
