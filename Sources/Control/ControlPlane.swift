/// The control thread as the rest of the program sees it.

public import Exchange
public import Logging
import Glibc
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// Signalling, rooms, pages, metrics and admin: one event loop on one thread.
public final class ControlPlane: Sendable {
    /// Why the plane did not start.
    public struct Problem: Error, CustomStringConvertible {
        /// What, and what the system says.
        public let description: String
    }

    /// Where the plane listens; ports are those the system chose.
    public struct Endpoints: Sendable {
        /// Plain HTTP.
        public var http: [ControlConfiguration.Endpoint] = []
        /// HTTPS.
        public var https: [ControlConfiguration.Endpoint] = []
    }

    /// While the plane runs.
    private struct Running {
        let group: MultiThreadedEventLoopGroup
        let server: NIOLoopBound<Listeners.Server>
        var listening: [any Channel] = []
        var endpoints = Endpoints()
    }

    /// How long connections may take to end before they are cut.
    private static let stopTime = TimeAmount.milliseconds(700)
    private static let tick = TimeAmount.milliseconds(250)

    private let configuration: ControlConfiguration
    private let relay: RelayView
    private let log: Logger
    private let running = Mutex<Running?>(nil)
    private let onThreadStart: @Sendable () -> Void

    /// Prepares the plane; nothing listens yet.
    ///
    /// - Parameters:
    ///   - configuration: What it shall be.
    ///   - relay: The relay threads, to count and to ask.
    ///   - log: Where it says what changes.
    ///   - onThreadStart: Called first on the plane's thread, for its CPUs and its name.
    public init(
        _ configuration: ControlConfiguration,
        relay: RelayView,
        log: Logger,
        onThreadStart: @escaping @Sendable () -> Void = {}
    ) {
        self.configuration = configuration
        self.relay = relay
        self.log = log
        self.onThreadStart = onThreadStart
    }

    /// Where the plane listens; nowhere unless it runs.
    public var endpoints: Endpoints { running.withLock { $0?.endpoints ?? Endpoints() } }

    /// Starts the thread and returns once it listens.
    ///
    /// - Throws: `Problem` when a certificate cannot be read or an address cannot be listened on.
    public func start() throws {
        let tls = configuration.https.isEmpty ? nil : try tlsContext()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            let loop = group.next()
            try loop.submit(onThreadStart).wait()
            let server = try loop.submit { self.assemble(on: loop) }.wait()
            var started = Running(group: group, server: server)
            try listen(&started, tls)
            running.withLock { $0 = started }
        } catch {
            try? group.syncShutdownGracefully()
            throw error
        }
    }

    /// Stops listening, ends every connection and the thread; returns when it has ended, within a second.
    public func stop() {
        guard let running = running.withLock({ running in running.take() }) else { return }
        let server = running.server
        let done = running.group.next().makePromise(of: Void.self)
        for channel in running.listening { channel.close(promise: nil) }
        running.group.next().scheduleTask(in: Self.stopTime) { done.succeed() }
        running.group.next().execute {
            server.value.context.isStopping = true
            server.value.connections.stop { done.succeed() }
        }
        try? done.futureResult.wait()
        try? running.group.syncShutdownGracefully()
        if !configuration.adminSocket.isEmpty { unlink(configuration.adminSocket) }
    }

    /// Makes everything that lives on the loop; runs on it.
    private func assemble(on loop: any EventLoop) -> NIOLoopBound<Listeners.Server> {
        let context = ControlContext(configuration, relay: relay, eventLoop: loop, log: log)
        let server = Listeners.Server(
            site: Self.site(context),
            connections: Connections(configuration.limits, context.counters),
            context: context
        )
        let bound = NIOLoopBound(server, eventLoop: loop)
        loop.scheduleRepeatedTask(initialDelay: Self.tick, delay: Self.tick) { _ in
            bound.value.connections.expire(now: .now())
            bound.value.context.lobby.expire()
        }
        return bound
    }

    /// The routes of all areas.
    private static func site(_ context: ControlContext) -> Site {
        var router = Router()
        APIRoutes(context: context).add(to: &router)
        PageRoutes(context.configuration).add(to: &router)
        MetricsRoutes(context: context).add(to: &router)
        AdminRoutes(context).add(to: &router)
        AppRTCRoutes(context: context).add(to: &router)
        return Site(
            router: router,
            origins: OriginPolicy(context.configuration.origins),
            sockets: context.lobby,
            fallback: ColliderRoutes(context: context).fallback
        )
    }

    private func listen(_ running: inout Running, _ tls: NIOSSLContext?) throws {
        let listeners = Listeners(group: running.group, server: running.server, tls: tls)
        for (name, wanted, bound) in [
            ("http", configuration.http, \Endpoints.http),
            ("https", configuration.https, \Endpoints.https),
        ] {
            for endpoint in wanted {
                let channel = try trying("control/\(name) \(endpoint.host):\(endpoint.port)") {
                    try listeners.listen(on: endpoint, isEncrypted: name == "https")
                }
                running.listening.append(channel)
                let port = channel.localAddress?.port ?? endpoint.port
                running.endpoints[keyPath: bound].append(.init(host: endpoint.host, port: port))
            }
        }
        let path = configuration.adminSocket
        if path.isEmpty { return }
        let channel = try trying("control/admin \(path)") { try listeners.listen(onSocket: path) }
        running.listening.append(channel)
    }

    private func tlsContext() throws -> NIOSSLContext {
        let chain = try trying("tls/certificate \(configuration.certificate)") {
            try NIOSSLCertificate.fromPEMFile(configuration.certificate)
        }
        return try trying("tls/private_key \(configuration.privateKey)") {
            let key = try NIOSSLPrivateKey(file: configuration.privateKey, format: .pem)
            var tls = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) },
                privateKey: .privateKey(key)
            )
            tls.minimumTLSVersion = .tlsv12
            tls.applicationProtocols = ["http/1.1"]
            return try NIOSSLContext(configuration: tls)
        }
    }

    private func trying<Value>(_ what: String, _ body: () throws -> Value) throws -> Value {
        do { return try body() } catch { throw Problem(description: "\(what): \(error)") }
    }
}
