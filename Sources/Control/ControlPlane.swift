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

    /// While the plane runs.
    private struct Running {
        let group: MultiThreadedEventLoopGroup
        let site: NIOLoopBound<Site>
        let listening: [any Channel]
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

    /// The ports it listens on, those of HTTP first; none unless it runs.
    public var ports: [Int] {
        running.withLock { $0?.listening.compactMap { $0.localAddress?.port } ?? [] }
    }

    /// Starts the thread and returns once it listens.
    ///
    /// - Throws: `Problem` when a certificate cannot be read or an address cannot be listened on.
    public func start() throws {
        let tls = configuration.https.isEmpty ? nil : try tlsContext()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            let loop = group.next()
            let site = try loop.submit {
                self.onThreadStart()
                return self.site(on: loop)
            }.wait()
            let listening = try listen(Listeners(group: group, site: site), tls)
            running.withLock { $0 = Running(group: group, site: site, listening: listening) }
        } catch {
            try? group.syncShutdownGracefully()
            throw error
        }
    }

    /// Stops listening, ends every connection and the thread; returns when it has ended, within a second.
    public func stop() {
        guard let running = running.withLock({ running in running.take() }) else { return }
        let (loop, site) = (running.group.next(), running.site)
        let done = loop.makePromise(of: Void.self)
        for channel in running.listening { channel.close(promise: nil) }
        loop.scheduleTask(in: Self.stopTime) { done.succeed() }
        loop.execute {
            site.value.context.isStopping = true
            site.value.connections.stop { done.succeed() }
        }
        try? done.futureResult.wait()
        try? running.group.syncShutdownGracefully()
        if !configuration.adminSocket.isEmpty { unlink(configuration.adminSocket) }
    }

    /// Makes everything that lives on the loop, with the routes of all areas; runs on it.
    private func site(on loop: any EventLoop) -> NIOLoopBound<Site> {
        let context = ControlContext(configuration, relay: relay, eventLoop: loop, log: log)
        var router = Router()
        APIRoutes(context: context).add(to: &router)
        PageRoutes(configuration).add(to: &router)
        MetricsRoutes(context: context).add(to: &router)
        AdminRoutes(context).add(to: &router)
        AppRTCRoutes(context: context).add(to: &router)
        let collider = ColliderRoutes(context: context)
        let site = Site(context: context, router: router, sockets: context.lobby) {
            collider.fallback($0)
        }
        let bound = NIOLoopBound(site, eventLoop: loop)
        loop.scheduleRepeatedTask(initialDelay: Self.tick, delay: Self.tick) { _ in
            bound.value.connections.expire(now: .now())
            bound.value.context.lobby.expire()
        }
        return bound
    }

    private func listen(_ listeners: Listeners, _ tls: NIOSSLContext?) throws -> [any Channel] {
        let https = try configuration.https.map { address in
            try trying("control/https \(address)") { try listeners.listen(on: address, tls) }
        }
        let admin = try [configuration.adminSocket].filter { !$0.isEmpty }.map { path in
            try trying("control/admin \(path)") { try listeners.listen(onSocket: path) }
        }
        // The last: who finds HTTP open finds the others too.
        let http = try configuration.http.map { address in
            try trying("control/http \(address)") { try listeners.listen(on: address, nil) }
        }
        return http + https + admin
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
