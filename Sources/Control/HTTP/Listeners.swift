/// The sockets that are listened on, and the pipeline of what they accept.

import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import STUN

/// Accepts connections of a site.
struct Listeners: Sendable {
    /// Connections that wait to be accepted; the system's own limit cuts it.
    private static let backlog: Int32 = 4096

    /// A wildcard of IPv6 leaves IPv4 to its own listener.
    private static let v6Only = ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only)

    typealias Endpoint = ControlConfiguration.Endpoint

    /// What connections are made of; lives on the event loop.
    struct Server {
        let site: Site
        let connections: Connections
        let context: ControlContext
    }

    /// Its one loop is the server's.
    let group: MultiThreadedEventLoopGroup
    let server: NIOLoopBound<Server>
    /// For the encrypted ones.
    let tls: NIOSSLContext?

    /// Listens on an address and a port.
    ///
    /// - Parameters:
    ///   - endpoint: The numeric address, and the port.
    ///   - isEncrypted: Whether TLS is spoken.
    /// - Returns: What listens.
    /// - Throws: What the system says.
    func listen(on endpoint: Endpoint, isEncrypted: Bool) throws -> any Channel {
        let address = try SocketAddress(ipAddress: endpoint.host, port: endpoint.port)
        var bootstrap = bootstrap(tls: isEncrypted ? tls : nil)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        if case .v6 = address { bootstrap = bootstrap.serverChannelOption(Self.v6Only, value: 1) }
        return try bootstrap.bind(to: address).wait()
    }

    /// Listens on a Unix socket that only our user may open.
    func listen(onSocket path: String) throws -> any Channel {
        // Set before the socket is made: it must not be open to others even for a moment.
        let mask = umask(0o177)
        defer { _ = umask(mask) }
        let bound = bootstrap(tls: nil)
            .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true)
        return try bound.wait()
    }

    private func bootstrap(tls: NIOSSLContext?) -> ServerBootstrap {
        let server = server
        return ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: Self.backlog)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let context = server.value.context
                    try channel.pipeline.syncOperations.addHandler(AcceptProblems(context))
                }
            }
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try Self.prepare(channel, server.value, tls)
                }
            }
            // Every channel keeps a buffer of this size: 10 000 idle clients must not cost much.
            .childChannelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 1024, maximum: 8192)
            )
    }

    private static func prepare(_ channel: any Channel, _ server: Server, _ tls: NIOSSLContext?)
        throws
    {
        let peer = Peer(of: channel, isEncrypted: tls != nil)
        guard server.connections.admit(channel, from: peer) else {
            let problem = "connections are refused: too many, in all or of one address"
            server.context.complain(of: "limit", problem)
            throw Refused()
        }
        let connection = HTTPConnection(server.site, server.connections, peer: peer, now: .now())
        server.connections.attend(connection, of: channel)
        var limits = NIOHTTPDecoderLimitConfiguration()
        let size = server.connections.limits.headerBytes
        limits.maxHeaderFieldSize = size
        limits.maxHeaderListSize = size
        limits.maxHeaderFieldCount = 100
        let decoder = HTTPRequestDecoder(
            leftOverBytesStrategy: .forwardBytes,
            limitConfiguration: limits
        )
        let pipeline = channel.pipeline.syncOperations
        if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
        if server.context.configuration.sharesPorts, tls == nil, channel.isOfThisMachine {
            let shared = SharedPort { [connections = server.connections] peer in
                connection.peer = peer
                return connections.admit(channel, insteadFrom: peer)
            }
            try pipeline.addHandler(shared)
        }
        // What the decoder does not read, after an upgrade that was refused, must not pile up in it.
        let decoding = ByteToMessageHandler(decoder, maximumBufferSize: size + 65_536)
        try pipeline.addHandlers([decoding, HTTPResponseEncoder(), connection])
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
