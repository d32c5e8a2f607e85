/// Messages without the magic cookie (RFC 8489 11): over DTLS there is no "classic STUN".
internal import STUN

extension TURNServer {
    /// 500 to a request over DTLS; all else is dropped.
    ///
    /// The client has proved its address by its session, so that the answer strikes nobody else. Over other transports what
    /// has no cookie is no message of ours.
    @inline(never)
    mutating func receiveClassic(
        _ datagram: RawSpan,
        from fiveTuple: FiveTuple,
        at now: Now,
        _ reply: inout MutableRawSpan
    ) -> Verdict {
        guard fiveTuple.transport == .dtls, let header = ClassicHeader(datagram),
            header.type.messageClass == .request
        else { return .drop(.malformed) }
        let request = Request(
            fiveTuple: fiveTuple,
            now: now,
            method: header.type.method,
            transactionID: header.transactionID,
            hasFingerprint: false
        )
        guard mayAnswerUnproved(request) else { return .drop(.rateLimited) }
        let verdict = refuse(request, .serverError, &reply)
        header.restoreTransaction(in: &reply)
        return verdict
    }
}
