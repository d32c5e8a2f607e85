/// Where the payload lies in what a TURN server sends to its client.

enum Unframing {
    /// The payload of ChannelData on the channel that was bound (RFC 8656 12.4).
    static func channelData(
        _ start: UnsafePointer<UInt8>,
        count: Int,
        channel: UInt16
    ) -> Range<Int>? {
        guard count >= 4 else { return nil }
        let number = UInt16(start[0]) << 8 | UInt16(start[1])
        let length = Int(start[2]) << 8 | Int(start[3])
        guard number == channel, 4 + length <= count else { return nil }
        return 4..<4 + length
    }

    /// The payload of a Data indication that names the right peer (RFC 8656 11.3).
    static func indication(
        _ start: UnsafePointer<UInt8>,
        count: Int,
        from peer: Endpoint
    ) -> Range<Int>? {
        guard let message = MessageView(start, count: count),
            message.type == MessageKind.dataIndication.rawValue,
            let address = message.value(of: .xorPeerAddress), Endpoint(xored: address) == peer
        else { return nil }
        return message.range(of: .data)
    }
}
