/// A server with routes of its own and a blocking client, for tests of what lies below the routes.

import Exchange
import Glibc
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import STUN
import Synchronization

@testable import Control

/// Listens on a free port of loopback until it is let go.
final class HTTPServer: Sendable {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let site: NIOLoopBound<Site>
    let port: Int
    /// What sockets said and how they ended, in order.
    let heard: Heard

    /// What the listener of sockets heard; read from tests, written on the loop.
    final class Heard: Sendable {
        private let lines = Mutex<[String]>([])

        var all: [String] { lines.withLock { $0 } }

        func note(_ line: String) { lines.withLock { $0.append(line) } }
    }

    init(
        _ configuration: ControlConfiguration = ControlConfiguration(),
        routes: @escaping @Sendable (inout Router) -> Void = { _ in }
    ) throws {
        let loop = group.next()
        let heard = Heard()
        self.heard = heard
        site = try loop.submit {
            var router = Router()
            routes(&router)
            let context = ControlContext(
                configuration,
                relay: RelayView(),
                eventLoop: loop,
                log: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            )
            let sockets = EchoingSockets(heard)
            let site = Site(context: context, router: router, sockets: sockets) { request in
                .text(.notFound, "nothing at \(request.path)\n")
            }
            return NIOLoopBound(site, eventLoop: loop)
        }.wait()
        let loopback = TransportAddress(ip: IPAddress(ipv4: 0x7F00_0001), port: 0)
        port = try Listeners(group: group, site: site).listen(on: loopback).localAddress?.port ?? 0
    }

    deinit {
        try? group.syncShutdownGracefully()
    }

    /// A counter now.
    func counter(_ counter: ControlCounter) throws -> Int {
        try group.next().submit { [site] in site.value.context.counters[counter] }.wait()
    }

    /// Lets the deadlines of connections pass as if so many seconds had gone by.
    func expire(after seconds: Int64) throws {
        try group.next().submit { [site] in
            site.value.connections.expire(now: .now() + .seconds(seconds))
        }.wait()
    }

    /// Waits until something is true, with a generous limit.
    static func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
        for _ in 0..<6000 {
            if try condition() { return true }
            usleep(10_000)
        }
        return false
    }
}

/// Sends back what it hears; `bye` closes, `flood N` sends N messages.
private final class EchoingSockets: SocketListener {
    private let heard: HTTPServer.Heard

    init(_ heard: HTTPServer.Heard) {
        self.heard = heard
    }

    func received(_ text: String, from socket: any SignallingSocket) {
        heard.note("received \(text.prefix(20))")
        if text == "bye" { return socket.close() }
        let words = text.split(separator: " ")
        if words.first == "flood", let count = Int(words[1]) {
            let large = String(repeating: "x", count: 10_000)
            for _ in 0..<count { socket.send(large) }
            return
        }
        socket.send(text)
    }

    func closed(_ socket: any SignallingSocket) {
        heard.note("closed")
    }
}
