/// Plain successes, error responses, and what every response ends with.
internal import STUN

extension TURNServer {
    /// A success response that says no more than LIFETIME and the new ticket, or nothing.
    mutating func acknowledge(
        _ request: Request,
        lifetime: UInt32? = nil,
        mobility: Mobility? = nil,
        _ reply: inout MutableRawSpan
    ) -> Verdict {
        var writer = MessageWriter(
            into: &reply,
            type: MessageType(request.method, .success),
            transactionID: request.transactionID
        )
        if let lifetime { writer.append(.lifetime, uint32: lifetime) }
        if let mobility { appendTicket(of: mobility, to: &writer) }
        counters.successes &+= 1
        return conclude(writer, request)
    }

    /// An error response to a request that is authenticated, or needs no authentication.
    mutating func refuse(
        _ request: Request,
        _ code: ErrorCode,
        _ reply: inout MutableRawSpan
    ) -> Verdict {
        var writer = MessageWriter(
            into: &reply,
            type: MessageType(request.method, .error),
            transactionID: request.transactionID
        )
        writer.appendErrorCode(code)
        counters.count(code)
        return conclude(writer, request)
    }

    /// 420, with the attributes that are not known (RFC 8489 6.3.1).
    mutating func refuse(
        _ request: Request,
        _ unknown: borrowing UnknownAttributes,
        _ reply: inout MutableRawSpan
    ) -> Verdict {
        var writer = MessageWriter(
            into: &reply,
            type: MessageType(request.method, .error),
            transactionID: request.transactionID
        )
        writer.appendErrorCode(.unknownAttribute)
        writer.appendUnknownAttributes(unknown)
        counters.count(ErrorCode.unknownAttribute)
        return conclude(writer, request)
    }

    /// 401 or 438, unsigned.
    ///
    /// 401 is limited. 438 is not: it goes to those alone who know a password (RFC 8489 9.2.4 looks at the
    /// nonce last), and a flood from their neighbourhood must not end their sessions with their nonces.
    mutating func challenge(
        _ request: Request,
        _ code: ErrorCode,
        _ reply: inout MutableRawSpan
    ) -> Verdict {
        guard code == .staleNonce || mayAnswerUnproved(request) else { return .drop(.rateLimited) }
        var writer = MessageWriter(
            into: &reply,
            type: MessageType(request.method, .error),
            transactionID: request.transactionID
        )
        authentication.appendChallenge(
            code,
            to: &writer,
            for: request.fiveTuple.client,
            at: request.now
        )
        counters.count(code)
        if request.hasFingerprint { writer.appendFingerprint() }
        return verdict(of: writer)
    }

    /// 400 to somebody who has proved nothing: unsigned, and limited.
    mutating func rejectUnproved(_ request: Request, _ reply: inout MutableRawSpan) -> Verdict {
        guard mayAnswerUnproved(request) else { return .drop(.rateLimited) }
        return refuse(request, .badRequest, &reply)
    }

    /// Whether a client that has proved nothing gets an answer; asked once for each.
    ///
    /// Who has a connection has proved its address: the answer strikes nobody else.
    mutating func mayAnswerUnproved(_ request: Request) -> Bool {
        request.isAdmitted || request.fiveTuple.transport.isVerified
            || limiter.allows(request.fiveTuple.client.ip, at: request.now.monotonic)
    }

    /// Whether somebody who has not proved its address yet gets an answer that is no message of STUN.
    public mutating func mayAnswerStranger(_ fiveTuple: FiveTuple, at now: Now) -> Bool {
        limiter.allows(fiveTuple.client.ip, at: now.monotonic)
    }

    /// Ends a response: SOFTWARE if there is one, integrity of the client's kind if the request had proved
    /// who asks, FINGERPRINT if the request had one (RFC 8489 9.2.4, 14.7).
    func conclude(_ writer: consuming MessageWriter, _ request: Request) -> Verdict {
        if !software.isEmpty { writer.append(.software, bytes: software) }
        if let identity = request.identity {
            writer.appendIntegrity(identity.integrity, key: identity.key)
        }
        if request.hasFingerprint { writer.appendFingerprint() }
        return verdict(of: writer)
    }

    private func verdict(of writer: consuming MessageWriter) -> Verdict {
        guard let count = writer.finish() else { return .drop(.replyOverflow) }
        return .reply(count: count)
    }
}
