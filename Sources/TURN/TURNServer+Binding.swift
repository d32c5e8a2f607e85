/// Binding (RFC 8489 12).
internal import STUN

extension TURNServer {
    /// Tells a client its address, and nothing more: an answer to a forged source strikes somebody else,
    /// so it is kept to 32 or 44 bytes.
    mutating func bind(
        _ message: borrowing Message,
        _ request: Request,
        _ reply: inout MutableRawSpan
    ) -> Verdict {
        guard mayAnswerUnproved(request) else { return .drop(.rateLimited) }
        let unknown = unknownAttributes(in: message)
        guard unknown.isEmpty else { return refuse(request, unknown, &reply) }
        var writer = MessageWriter(
            into: &reply,
            type: MessageType(.binding, .success),
            transactionID: request.transactionID
        )
        writer.append(.xorMappedAddress, xorAddress: request.fiveTuple.client.canonical)
        counters.bindings &+= 1
        return conclude(writer, request)
    }
}
