/// Binding (RFC 8489 12).
internal import STUN

extension TURNServer {
    /// Tells a client its address, and nothing more unless configured: an answer to a forged source strikes
    /// somebody else, so it is kept to 32 or 44 bytes.
    mutating func bind(
        _ message: borrowing Message,
        _ request: Request,
        _ reply: inout MutableRawSpan
    ) -> Verdict {
        guard mayAnswerUnproved(request) else { return .drop(.rateLimited) }
        let corner = natDiscovery.corner(of: request.fiveTuple)
        let unknown = unknownAttributes(
            in: message,
            serving: corner == nil ? [] : .natDiscovery
        )
        guard unknown.isEmpty else { return refuse(request, unknown, &reply) }
        guard corner == nil || NATDiscoveryWish(message) != nil else {
            return refuse(request, .badRequest, &reply)
        }
        var writer = MessageWriter(
            into: &reply,
            type: MessageType(.binding, .success),
            transactionID: request.transactionID
        )
        let client = request.fiveTuple.client.canonical
        writer.append(.xorMappedAddress, xorAddress: client)
        if configuration.tellsMappedAddress || corner != nil {
            writer.append(.mappedAddress, address: client)
        }
        counters.bindings &+= 1
        guard let corner else { return conclude(writer, request) }
        return discover(message, request, at: corner, writer)
    }
}
