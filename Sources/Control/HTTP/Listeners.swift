/// The sockets that are listened on, and the pipeline of what they accept.

import Glibc
import NIOCore
import NIOPosix
import NIOSSL
import STUN

/// Accepts connections of a site.
struct Listeners: Sendable {
    /// Connections that wait to be accepted; the system's own limit cuts it.
    private static let backlog: Int32 = 4096

    /// A wildcard of IPv6 leaves IPv4 to its own listener.
    private static let v6Only = ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only)

    /// Its one loop is the site's.
    let group: MultiThreadedEventLoopGroup
    let site: NIOLoopBound<Site>

    /// Listens on an address and a port.
    ///
    /// - Parameters:
    ///   - address: The address, and the port.
    ///   - tls: For HTTPS.
    /// - Returns: What listens.
    /// - Throws: What the system says.
    func listen(on address: TransportAddress, _ tls: NIOSSLContext? = nil) throws -> any Channel {
        var bootstrap = bootstrap(tls)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        if address.ip.family == .ipv6 {
            bootstrap = bootstrap.serverChannelOption(Self.v6Only, value: 1)
        }
        let (host, port) = (address.ip.description, Int(address.port))
        return try bootstrap.bind(to: SocketAddress(ipAddress: host, port: port)).wait()
    }

    /// Listens on a Unix socket that only our user may open.
    func listen(onSocket path: String) throws -> any Channel {
        // Set before the socket is made: it must not be open to others even for a moment.
        let mask = umask(0o177)
        defer { _ = umask(mask) }
        return try bootstrap(nil).bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true)
            .wait()
    }

    private func bootstrap(_ tls: NIOSSLContext?) -> ServerBootstrap {
        ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: Self.backlog)
            .serverChannelInitializer { [site] channel in
                channel.eventLoop.makeCompletedFuture {
                    let problems = AcceptProblems(site.value.context)
                    try channel.pipeline.syncOperations.addHandler(problems)
                }
            }
            .childChannelInitializer { [site] channel in
                channel.eventLoop.makeCompletedFuture {
                    try Self.prepare(channel, site.value, tls)
                }
            }
            // Every channel keeps a buffer of this size: 10 000 idle clients must not cost much.
            .childChannelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 1024, maximum: 8192)
            )
    }

    private static func prepare(_ channel: any Channel, _ site: Site, _ tls: NIOSSLContext?) throws
    {
        let connections = site.connections
        let peer = Peer(of: channel, isEncrypted: tls != nil)
        guard connections.admit(channel, from: peer) else {
            let problem = "connections are refused: too many, in all or of one address"
            site.context.complain(of: "limit", problem)
            throw Refused()
        }
        let connection = HTTPConnection(site, peer: peer)
        connections.attend(connection, of: channel)
        let pipeline = channel.pipeline.syncOperations
        if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
        if site.context.configuration.sharesPorts, tls == nil, channel.isOfThisMachine {
            try pipeline.addHandler(SharedPort(connection))
        }
        try pipeline.addHandlers(connection.handlers)
    }

    private struct Refused: Error {}
}

extension Channel {
    /// Whether the other end is on this machine, and has an address.
    fileprivate var isOfThisMachine: Bool {
        guard let remote = remoteAddress?.ipAddress else { return false }
        return remote == localAddress?.ipAddress || IPAddress(remote)?.isLoopback == true
    }
}

/// Logs what goes wrong with accepting, which can flood: once a minute.
private final class AcceptProblems: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private let context: ControlContext

    init(_ context: ControlContext) {
        self.context = context
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? IOError else { return }
        self.context.complain(of: "accept", "connections are not accepted: \(error)")
    }
}
