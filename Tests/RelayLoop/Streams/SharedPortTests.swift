import Exchange
import Foundation
import Glibc
import IOURing
import STUN
import TLS
import TURN
import Testing

@testable import RelayLoop

/// Requests of HTTP on a relay's port go to the web server beside it.
@Suite(.serialized) struct SharedPortTests {
    /// A relay that shares its port with a listener of the test's.
    struct Site {
        let web: FarListener
        let relay: LoopbackRelay

        init(
            tls: TLSContexts = TLSContexts(),
            _ configure: (inout RelayThreadConfiguration) -> Void = { _ in }
        ) throws {
            let web = try FarListener(SocketAddress(ipv4: 0x7F00_0001, port: 0))
            self.web = web
            relay = try LoopbackRelay.withTCP(tls: tls) {
                $0.connections.webServer = TransportAddress(web.address)
                configure(&$0)
            }
        }

        /// The web server's end of the next connection, and the client that its header names.
        func accept(encrypted: Bool = false) throws -> (stream: FarStream, client: ProxyHeader) {
            let stream = try web.accept()
            let header = stream.read(encrypted ? 36 : 28)
            return (stream, ProxyHeader(header.span.bytes))
        }

        func isEmpty() -> Bool { relay.wait { relay.value(.connections) == 0 } }
    }

    private let request = Array("GET /page HTTP/1.1\r\nHost: a.test\r\n\r\n".utf8)

    /// Half a megabyte each way at a time.
    private func exchange(_ one: any FarBytes, _ other: any FarBytes) throws {
        let (up, down) = (noise(1 << 19, seed: 5), noise(1 << 19, seed: 6))
        nonisolated(unsafe) let (client, web) = (one, other)
        let group = DispatchGroup()
        DispatchQueue.global().async(group: group) { try? web.write(down) }
        #expect(client.read(down.count) == down)
        DispatchQueue.global().async(group: group) { try? client.write(up) }
        #expect(web.read(up.count) == up)
        group.wait()
    }

    @Test func aRequestGoesOnWithItsClientAndAnswersComeBack() throws {
        let site = try Site()
        let client = try FarStream(to: site.relay.address)
        try client.send(request)
        let (web, header) = try site.accept()
        #expect(header == .source(TransportAddress(client.address), count: 28))
        #expect(web.read(request.count) == request)
        try exchange(client, web)
        shutdown(client.descriptor, Int32(SHUT_WR))
        #expect(web.read(1).isEmpty, "the client's end goes on")
        try web.send([1, 2, 3])
        #expect(client.read(3) == [1, 2, 3], "the other direction is still open")
        shutdown(web.descriptor, Int32(SHUT_WR))
        #expect(client.read(1).isEmpty)
        #expect(site.isEmpty())
        #expect(site.relay.value(.connectionsShared) == 1)
    }

    @Test func aRequestUnderTLSGoesOnInPlaintext() throws {
        let site = try Site(tls: LoopbackRelay.certificates())
        let client = try FarTLS(to: site.relay.address)
        try client.write(request)
        let (web, header) = try site.accept(encrypted: true)
        let source = TransportAddress(client.address)
        #expect(header == .source(source, count: 36, isEncrypted: true))
        #expect(web.read(request.count) == request)
        try exchange(client, web)
        shutdown(web.descriptor, Int32(SHUT_WR))
        #expect(
            site.isEmpty(),
            "without a half-closed state in TLS, the end of one is the end of both"
        )
    }

    @Test func aRequestInPiecesWithABodyBehindItComesWhole() throws {
        let site = try Site()
        let client = try FarStream(to: site.relay.address)
        let body = noise(100_000, seed: 7)
        for byte in request.prefix(12) { try client.send([byte]) }
        try client.send(request.dropFirst(12) + body)
        let (web, _) = try site.accept()
        #expect(web.read(request.count) == request)
        #expect(web.read(body.count) == body)
    }

    @Test func withoutAWebServerTheClientIsToldAndItIsCounted() throws {
        // Nobody listens on the port of a socket that has gone.
        let gone = try FarListener(SocketAddress(ipv4: 0x7F00_0001, port: 0)).address
        let site = try Site { $0.connections.webServer = TransportAddress(gone) }
        let client = try FarStream(to: site.relay.address)
        try client.send(request)
        let answer = String(decoding: client.read(1000), as: UTF8.self)
        #expect(answer.hasPrefix("HTTP/1.1 503 "))
        #expect(site.relay.wait { site.relay.value(.sharesRefused) == 1 })
        #expect(site.isEmpty())
    }

    @Test func aWebServerThatResetsEndsTheConnection() throws {
        let site = try Site()
        let client = try FarStream(to: site.relay.address)
        try client.send(request)
        let (web, _) = try site.accept()
        web.reset()
        #expect(client.read(1).isEmpty)
        #expect(site.isEmpty())
    }

    @Test func onlyAShareOfThePlacesIsPassedOn() throws {
        let site = try Site { $0.connections.connections = 8 }
        let clients = try (0..<3).map { _ in try FarStream(to: site.relay.address) }
        let held = try clients.prefix(2).map { client in
            try client.send(request)
            return try site.accept().stream
        }
        try clients[2].send(request)
        #expect(clients[2].read(12) == Array("HTTP/1.1 503".utf8))
        #expect(site.relay.wait { site.relay.value(.sharesRefused) == 1 })
        withExtendedLifetime(held) {}
    }

    @Test func aClientThatReadsNothingHasAStrangersTime() throws {
        let site = try Site {
            $0.connections.idleSeconds = 1
            $0.streamSendBuffer = 8192
        }
        let client = try FarStream(
            to: site.relay.address,
            from: site.relay.address,
            receiveBuffer: 4096
        )
        try client.send(request)
        let (web, _) = try site.accept()
        nonisolated(unsafe) let writer = web
        let group = DispatchGroup()
        DispatchQueue.global().async(group: group) { try? writer.send(noise(1 << 20, seed: 8)) }
        #expect(site.relay.wait { site.relay.value(.connectionsTimedOut) == 1 })
        #expect(site.isEmpty())
        group.wait()
    }

    @Test func anIdleClientStaysAsLongAsTheWebServerWants() throws {
        let site = try Site { $0.connections.idleSeconds = 1 }
        let idle = try FarStream(to: site.relay.address)
        try idle.send(request)
        let (web, _) = try site.accept()
        // The stranger came later, and has gone when its time is over.
        let stranger = try FarStream(to: site.relay.address)
        #expect(stranger.read(1).isEmpty)
        #expect(site.relay.wait { site.relay.value(.connectionsTimedOut) == 1 })
        try web.send([9])
        #expect(idle.read(1) == [9])
        // With the web server's last word that ends.
        shutdown(web.descriptor, Int32(SHUT_WR))
        #expect(idle.read(1).isEmpty)
        #expect(site.isEmpty())
        #expect(site.relay.wait { site.relay.value(.connectionsTimedOut) == 2 })
    }
}
