/// 300 (Try Alternate): an Allocate request is another server's to serve (RFC 8656 7.2, step 11).
internal import STUN

extension TURNServer {
    /// The answer to an Allocate request that is not to be served here, or nil.
    ///
    /// Who brings the token of a reserved port has the port before it here, and stays. A server that drains and has
    /// nowhere to send a client refuses him.
    mutating func redirect(
        _ request: Request,
        _ terms: AllocateTerms,
        _ reply: inout MutableRawSpan
    ) -> Verdict? {
        let listener = request.fiveTuple.listener
        if case .reserved = terms.kind { return nil }
        switch configuration.redirect {
        case .draining where !isDraining: return nil
        case .always where !isDraining && alternates.contain(listener): return nil
        case .draining, .always: break
        }
        let family = request.fiveTuple.client.ip.canonical.family
        if let (server, other) = alternates.next(family, besides: listener) {
            return redirect(request, to: server, other, &reply)
        }
        return isDraining ? refuse(request, .insufficientCapacity, &reply) : nil
    }

    /// Signed if the request was (RFC 8489 10); the client's own family comes first.
    private mutating func redirect(
        _ request: Request,
        to server: AlternateServer,
        _ other: AlternateServer?,
        _ reply: inout MutableRawSpan
    ) -> Verdict {
        var writer = MessageWriter(
            into: &reply,
            type: MessageType(request.method, .error),
            transactionID: request.transactionID
        )
        writer.appendErrorCode(.tryAlternate)
        writer.append(.alternateServer, address: server.address)
        if let other { writer.append(.alternateServer, address: other.address) }
        // That it signs with SHA-256 shows that the client knows ALTERNATE-DOMAIN (RFC 8489 10).
        if !server.domain.isEmpty, request.fiveTuple.transport.isSecure,
            request.identity?.integrity == .sha256
        {
            writer.append(.alternateDomain, bytes: server.domain)
        }
        counters.count(ErrorCode.tryAlternate)
        return conclude(writer, request)
    }
}
