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
        guard let message = Message(datagram) else { return .drop(.malformed) }
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
        switch authenticate(message, request) {
        case .authenticated(let identity): request.identity = identity
        case .anonymous: break
        case .challenge(let code): return challenge(request, code, &reply)
        case .badRequest: return rejectUnproved(request, &reply)
        }
        let unknown = unknownAttributes(in: message)
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

    /// Credentials that end with time must run to create an allocation, not to keep one (which would end
    /// calls in their midst).
    private mutating func authenticate(
        _ message: borrowing Message,
        _ request: Request
    ) -> AuthenticationResult {
        let now = request.now
        let allocation = table.settledAllocation(of: request.fiveTuple, at: now.monotonic)
        return authentication.authenticate(
            message,
            from: request.fiveTuple.client,
            session: allocation.flatMap { table.allocations[$0].identity },
            checksExpiry: request.method == .allocate,
            at: now
        )
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
        return .found(slot)
    }
}
