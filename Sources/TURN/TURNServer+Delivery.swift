/// Headers of what goes to a client.
internal import STUN

extension TURNServer {
    /// Writes the header that goes before a payload of `count` bytes to the client, and returns its length.
    ///
    /// 4 bytes for ChannelData; 36 or 48 for a Data indication, whose payload is followed by zeros to a
    /// multiple of 4 (RFC 8656 11.6, 12.6). 0 when `bytes` is too short.
    @_lifetime(bytes: copy bytes)
    public static func writeHeader(
        of delivery: Delivery,
        count: Int,
        into bytes: inout MutableRawSpan
    ) -> Int {
        guard bytes.byteCount >= delivery.headerCount else { return 0 }
        if delivery.channel != 0 {
            ChannelData.writeHeader(channel: delivery.channel, count: count, into: &bytes)
            return ChannelData.headerCount
        }
        var writer = MessageWriter(
            into: &bytes,
            type: MessageType(.data, .indication),
            transactionID: delivery.transactionID
        )
        writer.append(.xorPeerAddress, xorAddress: delivery.peer)
        return writer.finish(trailing: .data, count: count) ?? 0
    }
}

extension Delivery {
    /// The bytes that `TURNServer.writeHeader(of:count:into:)` writes.
    public var headerCount: Int {
        if channel != 0 { return ChannelData.headerCount }
        return switch peer.ip.family {
        case .ipv4: 36
        case .ipv6: 48
        }
    }
}
