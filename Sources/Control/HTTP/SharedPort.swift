/// Connections that come through a port of the relay threads: their first bytes are a PROXY protocol header.

import NIOCore
import STUN
import TURN

/// Reads the header of a connection from this machine, if it has one, and leaves the pipeline.
///
/// Programs of this machine are believed what they say of their clients, as in `X-Forwarded-For`. Without a header the
/// connection is one of the machine itself. What it carries is never `isLocal`: there may be one more proxy before.
final class SharedPort: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let connection: HTTPConnection
    private var bytes = ByteBuffer()

    /// Stands before this connection until its header has come.
    init(_ connection: HTTPConnection) {
        self.connection = connection
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var more = unwrapInboundIn(data)
        bytes.writeBuffer(&more)
        switch ProxyHeader(bytes.readableBytesSpan) {
        case .needsMore: break
        case .absent: leave(context)
        case .source(let client, let count, let isEncrypted):
            bytes.moveReaderIndex(forwardBy: count)
            connection.peer = Peer(address: client.ip, isLocal: false, isEncrypted: isEncrypted)
            let isAdmitted = connection.connections.admit(context.channel, from: connection.peer)
            if isAdmitted { leave(context) } else { context.close(promise: nil) }
        case .local, .invalid: context.close(promise: nil)
        }
    }

    private func leave(_ context: ChannelHandlerContext) {
        if bytes.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(bytes)) }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}
