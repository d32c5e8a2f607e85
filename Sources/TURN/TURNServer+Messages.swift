/// STUN messages from clients: what each method and class leads to (RFC 8489 6.3).
internal import STUN

extension TURNServer {
    /// The checks that come before any method's own, then its handler.
    mutating func receiveMessage(
        _ datagram: RawSpan,
        from fiveTuple: FiveTuple,
        at now: Now,
        _ reply: inout MutableRawSpan
    ) -> Verdict {
        guard let message = Message(datagram) else {
            return receiveClassic(datagram, from: fiveTuple, at: now, &reply)
        }
        let fingerprint = message.hasValidFingerprint
        guard fingerprint != .invalid else { return .drop(.badFingerprint) }
        switch message.type.messageClass {
        case .indication: return receiveIndication(message, from: fiveTuple, at: now.monotonic)
        case .success, .error: return .drop(.unexpectedClass)
        case .request: break
        }
        let request = Request(
            fiveTuple: fiveTuple,
            now: now,
            method: message.type.method,
            transactionID: message.transactionID,
            hasFingerprint: fingerprint == .valid
        )
        switch request.method {
        case .binding: return bind(message, request, &reply)
        case .allocate, .refresh, .createPermission, .channelBind, .connect, .connectionBind:
            return receiveAuthenticated(message, request, &reply)
        case .send, .data, .connectionAttempt: return .drop(.unexpectedClass)
        default: return .drop(.unknownMethod)
        }
    }

    private mutating func receiveIndication(
        _ message: borrowing Message,
        from fiveTuple: FiveTuple,
        at now: Instant
    ) -> Verdict {
        switch message.type.method {
        case .send: return send(message, from: fiveTuple, at: now)
        case .binding: return .drop(.keepAlive)
        case .data, .allocate, .refresh, .createPermission, .channelBind, .connect,
            .connectionBind, .connectionAttempt:
            return .drop(.unexpectedClass)
        default: return .drop(.unknownMethod)
        }
    }

    /// The methods that need credentials: first who asks (RFC 8489 9.2.4), then unknown attributes
    /// (6.3.1), then the method.
    private mutating func receiveAuthenticated(
        _ message: borrowing Message,
        _ request: Request,
        _ reply: inout MutableRawSpan
    ) -> Verdict {
        var request = request
        let session = session(of: message, request)
        if authentication.mustDecrypt(message, session: session) {
            guard mayAnswerUnproved(request) else { return .drop(.rateLimited) }
            request.isAdmitted = true
        }
        let unknown = unknownAttributes(
            in: message,
            serving: authentication.takesTokens ? .accessTokens : []
        )
        switch authenticate(message, request, session, or: control(of: message, request)) {
        case .authenticated(let identity): request.identity = identity
        case .anonymous: break
        case .challenge(.unauthorized) where unknown.contains(.accessToken):
            // Who brings a token that nobody asked for would only try again with it (RFC 7635 7).
            guard mayAnswerUnproved(request) else { return .drop(.rateLimited) }
            return refuse(request, unknown, &reply)
        case .challenge(let code): return challenge(request, code, &reply)
        case .badRequest: return rejectUnproved(request, &reply)
        }
        guard unknown.isEmpty else { return refuse(request, unknown, &reply) }
        if let elsewhere = elsewhere(message, request) { return elsewhere }
        switch request.method {
        case .allocate: return allocate(message, request, &reply)
        case .refresh: return refresh(message, request, &reply)
        case .createPermission: return createPermission(message, request, &reply)
        case .channelBind: return channelBind(message, request, &reply)
        case .connect: return connect(message, request, &reply)
        case .connectionBind: return connectionBind(message, request, &reply)
        default: return .drop(.unknownMethod)
        }
    }

    /// Who made the allocation on a request's 5-tuple, if there is one and he had to prove himself.
    ///
    /// A data connection has none of its own: it is its owner's who made the one that it names.
    private mutating func session(
        of message: borrowing Message,
        _ request: Request
    ) -> Identity? {
        if request.method == .connectionBind {
            return pendingConnection(message, at: request.now.monotonic)
                .flatMap { table.allocations[table.tcp.pool[$0].allocation].identity }
        }
        return table.settledAllocation(of: request.fiveTuple, at: request.now.monotonic)
            .flatMap { table.allocations[$0].identity }
    }

    /// Where the control connection of a data connection comes from, if it is the same host: clients bring its nonce.
    private func control(
        of message: borrowing Message,
        _ request: Request
    ) -> TransportAddress? {
        guard request.method == .connectionBind,
            let slot = pendingConnection(message, at: request.now.monotonic)
        else { return nil }
        let control = table.allocations[table.tcp.pool[slot].allocation].fiveTuple.client
        return control.ip.canonical == request.fiveTuple.client.ip.canonical ? control : nil
    }

    /// Who asks, or what to answer instead.
    ///
    /// Credentials that end with time must run to create an allocation, not to keep one (which would end
    /// calls in their midst). Access tokens must run for both, and a new one may follow an old one.
    private func authenticate(
        _ message: borrowing Message,
        _ request: Request,
        _ session: Identity?,
        or other: TransportAddress?
    ) -> AuthenticationResult {
        let result = authentication.authenticate(
            message,
            from: request.fiveTuple.client,
            or: other,
            session: session,
            checksExpiry: request.method == .allocate,
            at: request.now
        )
        guard case .authenticated(let identity) = result, request.method == .refresh else {
            return result
        }
        return .authenticated(identity.succeeding(session))
    }

    /// What a request that is not Allocate works on.
    enum OwnedAllocation {
        case found(Slot<Allocation>)
        case refused(ErrorCode)
    }

    /// The allocation of a request's 5-tuple, if it is the requester's (RFC 8656 5: 437, then 441).
    mutating func ownedAllocation(_ request: Request) -> OwnedAllocation {
        let now = request.now.monotonic
        guard let slot = table.settledAllocation(of: request.fiveTuple, at: now) else {
            return .refused(.allocationMismatch)
        }
        guard table.allocations[slot].identity?.user == request.identity?.user else {
            return .refused(.wrongCredentials)
        }
        table.heard(slot, from: request.fiveTuple, at: now)
        return .found(slot)
    }
}
