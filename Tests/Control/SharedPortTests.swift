/// Connections of relay threads that share their ports: who the client is, and what that changes.

import NIOHTTP1
import STUN
import Testing

@testable import Control

@Suite struct SharedPortTests {
    private func server(shares: Bool = true, perAddress: Int = 100) throws -> HTTPServer {
        var configuration = ControlConfiguration()
        configuration.sharesPorts = shares
        configuration.limits.connectionsPerAddress = perAddress
        return try HTTPServer(configuration) { router in
            router.on(.GET, "/who") { request in
                let peer = request.peer
                let address = peer.address?.description ?? ""
                return .now(.text(.ok, "\(address) \(peer.isLocal) \(request.isSecure)"))
            }
        }
    }

    private static let signature: [UInt8] = Array("\r\n\r\n\0\r\nQUIT\n".utf8)
    private static let tls: [UInt8] = [0x20, 0, 5, 1, 0, 0, 0, 1]

    private static func header(
        _ family: UInt8,
        _ addresses: [UInt8],
        _ fields: [UInt8] = [],
        command: UInt8 = 0x21
    ) -> [UInt8] {
        let count = addresses.count + fields.count
        return signature + [command, family, UInt8(count >> 8), UInt8(count & 255)] + addresses
            + fields
    }

    private static func ipv4(_ last: UInt8, _ fields: [UInt8] = []) -> [UInt8] {
        header(0x11, [203, 0, 113, last] + [UInt8](repeating: 0, count: 8), fields)
    }

    private func answer(_ client: RawClient) throws -> String {
        client.request("GET /who")
        return try client.response().body
    }

    @Test func theHeaderNamesTheClient() throws {
        let server = try server()
        let ipv6 = [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [9]
        let more: [UInt8] = [1, 0, 2, 7, 7]
        for (header, expected) in [
            (Self.ipv4(9), "203.0.113.9 false false"),
            (Self.ipv4(9, Self.tls), "203.0.113.9 false true"),
            (Self.ipv4(9, more + Self.tls + more), "203.0.113.9 false true"),
            (Self.ipv4(9, [0x20, 0, 5, 0, 0, 0, 0, 1]), "203.0.113.9 false false"),
            (
                Self.header(0x21, ipv6 + [UInt8](repeating: 0, count: 20), Self.tls),
                "2001:db8::9 false true"
            ),
            (
                Self.header(0x11, [127, 0, 0, 1] + [UInt8](repeating: 0, count: 8)),
                "127.0.0.1 false false"
            ),
        ] {
            let client = try RawClient(port: server.port)
            client.send(header)
            #expect(try answer(client) == expected)
            #expect(try answer(client) == expected, "and of the next request too")
        }
    }

    @Test func aLineOfVersion1NamesItToo() throws {
        let server = try server()
        let client = try RawClient(port: server.port)
        client.send("PROXY TCP4 203.0.113.8 192.0.2.1 40000 443\r\n")
        #expect(try answer(client) == "203.0.113.8 false false")
    }

    @Test func aRequestThatBeginsLikeAHeaderIsARequest() throws {
        let server = try server()
        let client = try RawClient(port: server.port)
        for byte in "PRO".utf8 { client.send([byte]) }
        client.send("PFIND /who HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(try client.response().status == 405)
    }

    @Test func aHeaderInPiecesIsTheSame() throws {
        let server = try server()
        let client = try RawClient(port: server.port)
        for byte in Self.ipv4(7, Self.tls) { client.send([byte]) }
        #expect(try answer(client) == "203.0.113.7 false true")
    }

    @Test func withoutAHeaderItIsThisMachine() throws {
        let server = try server()
        #expect(try answer(RawClient(port: server.port)) == "127.0.0.1 true false")
    }

    @Test func whereNoPortIsSharedAHeaderIsNoRequest() throws {
        let server = try server(shares: false)
        let client = try RawClient(port: server.port)
        client.send(Self.ipv4(9))
        client.request("GET /who")
        #expect(try client.response().status == 400)
    }

    @Test func aBrokenHeaderEndsTheConnection() throws {
        let server = try server()
        for header in [
            Self.header(0x11, [1, 2, 3]), Self.header(0x13, [UInt8](repeating: 0, count: 12)),
            Self.header(0x11, [UInt8](repeating: 0, count: 12), command: 0x20),
            Self.header(0x21, [UInt8](repeating: 0, count: 35)),
            Self.header(0x11, [UInt8](repeating: 0, count: 600)),
        ] {
            let client = try RawClient(port: server.port)
            client.send(header)
            #expect(try client.rest() == "")
        }
    }

    @Test func eachClientHasItsShare() throws {
        let server = try server(perAddress: 2)
        let clients = try [UInt8](arrayLiteral: 1, 1, 1, 2).map { last in
            let client = try RawClient(port: server.port)
            client.send(Self.ipv4(last))
            return client
        }
        for index in [0, 1, 3] { #expect(try answer(clients[index]).hasPrefix("203.0.113.")) }
        #expect(try clients[2].rest() == "")
        #expect(try server.counter(.connectionsRefused) == 1)
        #expect(try HTTPServer.eventually { try server.counter(.connections) == 3 })
        #expect(try answer(RawClient(port: server.port)) == "127.0.0.1 true false")
    }
}
