/// Connections that come through a port of the relay threads: their first bytes are a PROXY protocol header (version 2).

import NIOCore
import STUN

/// Reads the header of a connection from this machine, if it has one, and leaves the pipeline.
///
/// Programs of this machine are believed what they say of their clients, as in `X-Forwarded-For`. Without a header the
/// connection is one of the machine itself. What it carries is never `isLocal`: there may be one more proxy before.
final class SharedPort: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private static let signature: [UInt8] = Array("\r\n\r\n\0\r\nQUIT\n".utf8)
    /// Signature, version and command, family and protocol, length.
    private static let prefix = 16
    private static let longest = 536
    /// A field that says that the client speaks TLS (PP2_TYPE_SSL), and the bit that does.
    private static let tlsField: UInt8 = 0x20, tlsBit: UInt8 = 1

    private let tell: (Peer) -> Bool
    private var bytes = ByteBuffer()

    /// `tell` takes the client in; false when there is no place for it.
    init(tell: @escaping (Peer) -> Bool) {
        self.tell = tell
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var more = unwrapInboundIn(data)
        bytes.writeBuffer(&more)
        let start = bytes.readableBytesView.prefix(Self.signature.count)
        guard Self.signature.starts(with: start) else { return leave(context) }
        guard bytes.readableBytes >= Self.prefix,
            let length = bytes.getInteger(at: bytes.readerIndex + 14, as: UInt16.self)
        else { return }
        let count = Self.prefix + Int(length)
        if count > Self.longest { return context.close(promise: nil) }
        guard bytes.readableBytes >= count else { return }
        guard let header = bytes.readSlice(length: count), let peer = Self.client(of: header),
            tell(peer)
        else { return context.close(promise: nil) }
        leave(context)
    }

    private func leave(_ context: ChannelHandlerContext) {
        if bytes.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(bytes)) }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    /// The client of a whole header; nil when it names none.
    private static func client(of header: ByteBuffer) -> Peer? {
        var header = header
        header.moveReaderIndex(forwardBy: signature.count)
        guard let command = header.readInteger(as: UInt8.self), command == 0x21,
            let family = header.readInteger(as: UInt8.self)
        else { return nil }
        header.moveReaderIndex(forwardBy: 2)
        let ip: IPAddress
        switch family {
        case 0x11:
            guard let address = header.readInteger(as: UInt32.self) else { return nil }
            ip = IPAddress(ipv4: address)
            guard header.readSlice(length: 8) != nil else { return nil }
        case 0x21:
            guard let high = header.readInteger(as: UInt64.self),
                let low = header.readInteger(as: UInt64.self),
                header.readSlice(length: 20) != nil
            else { return nil }
            ip = IPAddress(ipv6High: high, low: low).canonical
        default: return nil
        }
        return Peer(address: ip.description, isLocal: false, isEncrypted: speaksTLS(header))
    }

    private static func speaksTLS(_ fields: ByteBuffer) -> Bool {
        var fields = fields
        while let type = fields.readInteger(as: UInt8.self),
            var value = fields.readLengthPrefixedSlice(as: UInt16.self)
        {
            if type == tlsField, let bits = value.readInteger(as: UInt8.self) {
                return bits & tlsBit != 0
            }
        }
        return false
    }
}
