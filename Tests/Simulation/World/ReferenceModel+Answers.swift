/// The answer to a request: whether there is one, and whether it is well made.

extension ReferenceModel {
    /// The answer to a request, if it is what was sent next.
    func answer(to request: WireMessage, of client: FiveTuple) -> WireMessage? {
        guard let head = outputs.head(client.flow), let answer = WireMessage(head),
            answer.messageClass == .success || answer.messageClass == .error,
            answer.method == request.method, answer.transaction == request.transaction
        else { return nil }
        return answer
    }

    /// The answer to a request, taken from what was sent; nil when there is none.
    func takeAnswer(to request: WireMessage, of client: FiveTuple) -> WireMessage? {
        guard let answer = answer(to: request, of: client) else { return nil }
        outputs.removeHead(client.flow)
        tally.answers += 1
        return answer
    }

    /// The success response that the judgement allows; nil when the request was rightly refused.
    func success(
        to request: WireMessage,
        of client: FiveTuple,
        by author: Author?,
        _ judgement: Judgement
    ) throws(Violation) -> WireMessage? {
        // A damaged copy may be passed over, and what comes next then answers the sound one.
        let isForAnother = judgement.maySilence && !fits(answer(to: request, of: client), judgement)
        guard !isForAnother, let answer = takeAnswer(to: request, of: client) else {
            guard judgement.maySilence else {
                throw Violation("no answer to \(hex(request.bytes))")
            }
            tally.rateLimited += 1
            return nil
        }
        try checkForm(of: answer, to: request)
        guard answer.messageClass == .success else {
            try checkRefusal(answer, of: request, from: client, by: author, judgement)
            return nil
        }
        guard judgement.mustFail.isEmpty else {
            throw Violation(
                "success where \(judgement.mustFail.sorted()) was due: \(hex(request.bytes))"
            )
        }
        try checkIntegrity(of: answer, by: author)
        tally.successes[request.method, default: 0] += 1
        return answer
    }

    private func fits(_ answer: WireMessage?, _ judgement: Judgement) -> Bool {
        guard let code = answer?.errorCode else { return judgement.mustFail.isEmpty }
        return judgement.mustFail.union(judgement.mayFail).contains(code)
    }

    private func checkRefusal(
        _ answer: WireMessage,
        of request: WireMessage,
        from client: FiveTuple,
        by author: Author?,
        _ judgement: Judgement
    ) throws(Violation) {
        guard let code = answer.errorCode else { throw Violation("an error without its code") }
        guard judgement.mustFail.union(judgement.mayFail).contains(code) else {
            throw Violation(
                "error \(code), allowed are \(judgement.mustFail.sorted()) and "
                    + "\(judgement.mayFail.sorted()): \(hex(request.bytes))"
            )
        }
        tally.errors[code, default: 0] += 1
        switch code {
        case 401, 438:
            guard answer.first(WireType.nonce) != nil, answer.first(WireType.realm) != nil else {
                throw Violation("\(code) without REALM or NONCE")
            }
            guard answer.first(WireType.messageIntegrity) == nil,
                answer.first(WireType.messageIntegritySHA256) == nil
            else { throw Violation("\(code) with integrity") }
            remember(nonceOf: answer, for: client)
        case 300:
            let servers = answer.plainAddresses(WireType.alternateServer)
            guard servers.first?.address.isIPv6 == client.client.address.canonical.isIPv6,
                servers.allSatisfy(scenario.alternates.contains)
            else { throw Violation("300 with the servers \(servers)") }
        case 420:
            guard answer.value(WireType.unknownAttributes)?.isEmpty == false else {
                throw Violation("420 without UNKNOWN-ATTRIBUTES")
            }
        default: break
        }
        if code != 400 && code != 401 && code != 438 {
            try checkIntegrity(of: answer, by: author)
        }
    }

    /// Holds for every answer (RFC 8489, 6.3 and 14).
    private func checkForm(of answer: WireMessage, to request: WireMessage) throws(Violation) {
        guard answer.visible.count == answer.attributes.count, isZeroPadded(answer) else {
            throw Violation("a malformed answer: \(hex(answer.bytes))")
        }
        guard answer.fingerprint == request.fingerprint else {
            throw Violation("the answer's FINGERPRINT is wrong or not as the request's")
        }
    }

    private func checkIntegrity(of answer: WireMessage, by author: Author?) throws(Violation) {
        guard let author, scenario.isAuthenticationRequired else { return }
        let checks = [
            answer.integrity(.sha1, key: author.key), answer.integrity(.sha256, key: author.key),
        ].compactMap { $0 }
        guard !checks.isEmpty, !checks.contains(false) else {
            throw Violation("an answer without valid integrity: \(hex(answer.bytes))")
        }
    }
}
