/// The plane as the program starts and stops it.

import Exchange
import FoundationEssentials
import Glibc
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import STUN
import Synchronization
import Testing

@testable import Control

@Suite struct ControlPlaneTests {
    private let directory =
        FileManager.default.temporaryDirectory.path
        + "/turnpike-\(UInt64.random(in: 0 ... .max))"

    private static let loopback = TransportAddress(ip: IPAddress(ipv4: 0x7F00_0001), port: 0)

    private func plane(
        _ change: (inout ControlConfiguration) -> Void = { _ in },
        onThreadStart: @escaping @Sendable () -> Void = {}
    ) -> ControlPlane {
        var configuration = ControlConfiguration()
        configuration.http = [Self.loopback]
        change(&configuration)
        let log = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        return ControlPlane(
            configuration,
            relay: RelayView(),
            log: log,
            onThreadStart: onThreadStart
        )
    }

    private func port(of plane: ControlPlane) throws -> Int {
        try #require(plane.ports.first)
    }

    @Test func theThreadIsOurOwnAndStartsWithTheHook() throws {
        let thread = Mutex<pthread_t?>(nil)
        let plane = plane(onThreadStart: { thread.withLock { $0 = pthread_self() } })
        try plane.start()
        defer { plane.stop() }
        #expect(thread.withLock { $0 } != nil)
        #expect(thread.withLock { $0 } != pthread_self())
    }

    @Test func itServesWhileItRunsAndCanStartAgain() throws {
        let plane = plane()
        for _ in 0..<2 {
            try plane.start()
            let client = try RawClient(port: try port(of: plane))
            client.request("GET /params.html")
            #expect(try client.response().status == 200)
            plane.stop()
            #expect(plane.ports.isEmpty)
        }
        plane.stop()
    }

    @Test func stoppingEndsEverythingAndWaitsForNobody() throws {
        let plane = plane()
        try plane.start()
        let port = try port(of: plane)
        let socket = try RawClient.webSocket(port: port)
        let idle = try RawClient(port: port)
        idle.request("GET /params.html")
        #expect(try idle.response().status == 200)
        let unfinished = try RawClient(port: port)
        unfinished.request("POST /join/room", ["Content-Length: 10"])
        let started = NIODeadline.now()
        plane.stop()
        // A second, and what a busy machine takes; any client could have taken longer.
        #expect(NIODeadline.now() - started < .seconds(20))
        #expect(try socket.frame().code == 1001)
        for client in [socket, idle, unfinished] { #expect(try client.rest() == "") }
        #expect(throws: RawClient.Problem.self) { try RawClient(port: port) }
    }

    @Test func anAddressInUseIsNamed() throws {
        let first = plane()
        try first.start()
        defer { first.stop() }
        let port = try port(of: first)
        let second = plane { $0.http[0].port = UInt16(port) }
        let problem = #expect(throws: ControlPlane.Problem.self) { try second.start() }
        #expect(problem?.description.contains("control/http 127.0.0.1:\(port)") == true)
        #expect(problem?.description.contains("Address already in use") == true)
    }

    @Test func theAdminSocketIsOursAloneAndGoesAway() throws {
        let path = directory + ".sock"
        let plane = plane { $0.adminSocket = path }
        for _ in 0..<2 {
            try plane.start()
            var status = stat()
            #expect(stat(path, &status) == 0)
            #expect(status.st_mode & 0o777 == 0o600)
            plane.stop()
            #expect(stat(path, &status) != 0)
        }
    }

    @Test func aMissingCertificateIsNamed() throws {
        let plane = plane {
            $0.https = [Self.loopback]
            $0.certificate = "/nowhere/chain.pem"
        }
        let problem = #expect(throws: ControlPlane.Problem.self) { try plane.start() }
        #expect(problem?.description.contains("tls/certificate /nowhere/chain.pem") == true)
    }

    @Test func httpsServesTheSame() throws {
        try FileManager.default.createDirectory(
            atPath: directory,
            withIntermediateDirectories: true
        )
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try Self.certificate.write(toFile: directory + "/c", atomically: false, encoding: .utf8)
        try Self.privateKey.write(toFile: directory + "/k", atomically: false, encoding: .utf8)
        let plane = plane {
            $0.https = [Self.loopback]
            $0.certificate = directory + "/c"
            $0.privateKey = directory + "/k"
        }
        try plane.start()
        defer { plane.stop() }
        let port = try #require(plane.ports.last)
        let answer = try Self.answer(overTLSFrom: port, "/params.html")
        #expect(answer.hasPrefix("HTTP/1.1 200 OK"))
        #expect(answer.hasSuffix("</html>\n"))
    }

    /// What is answered until the server ends the connection, as it is asked to.
    private static func answer(overTLSFrom port: Int, _ path: String) throws -> String {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.certificateVerification = .noHostnameVerification
        tls.trustRoots = .certificates([
            try NIOSSLCertificate(bytes: Array(certificate.utf8), format: .pem)
        ])
        let context = try NIOSSLContext(configuration: tls)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        defer { try? group.syncShutdownGracefully() }
        let answer = group.next().makePromise(of: String.self)
        let client = ClientBootstrap(group: group).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                let secure = try NIOSSLClientHandler(context: context, serverHostname: "localhost")
                try channel.pipeline.syncOperations.addHandlers([secure, Collector(answer)])
            }
        }
        let channel = try client.connect(host: "127.0.0.1", port: port).wait()
        let request = "GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        channel.writeAndFlush(ByteBuffer(string: request), promise: nil)
        return try answer.futureResult.wait()
    }

    /// Puts together what comes until the end.
    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let answer: EventLoopPromise<String>
        private var text = ""

        init(_ answer: EventLoopPromise<String>) { self.answer = answer }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            text += String(buffer: unwrapInboundIn(data))
        }

        func channelInactive(context: ChannelHandlerContext) { answer.succeed(text) }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { answer.fail(error) }
    }

    /// Of `localhost`, for a hundred years, trusted by nobody.
    private static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBlTCCATugAwIBAgIUDfm09coBfiIvPMet0xz2TZCPeEgwCgYIKoZIzj0EAwIw
        FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzIzNTM0MVoYDzIxMjYxMDMw
        MjM1MzQxWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
        PQMBBwNCAASfsv9XyzFOzU6ekvTONnV6D/lZt8iNtQuCRJekV11YODDZxNp8BVi+
        fjY0s8WeCn/N/yI5ARLSY1yBBT+aa9gho2kwZzAdBgNVHQ4EFgQUVitr5+HNkY/C
        rJuvSA/PNWTt/q4wHwYDVR0jBBgwFoAUVitr5+HNkY/CrJuvSA/PNWTt/q4wDwYD
        VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwID
        SAAwRQIgWHuvM7Z1px9Ghd6u30tseJzypG/SlcAtVlUbb7REMvkCIQCifac+zqj6
        RRfZccxXkeIu6cAnQoV9MgM9ZEBbOpHXAw==
        -----END CERTIFICATE-----
        """

    private static let privateKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgpRXqLpwF/orLnEkL
        dOPXa3S7/4aCy/EiwsQUTpMIVHWhRANCAASfsv9XyzFOzU6ekvTONnV6D/lZt8iN
        tQuCRJekV11YODDZxNp8BVi+fjY0s8WeCn/N/yI5ARLSY1yBBT+aa9gh
        -----END PRIVATE KEY-----
        """
}
