/// Long-term credentials: RFC 8489, 9.2.4, and TURN REST names.

/// What a request may be answered with.
struct Judgement {
    /// At least one of these codes is the right answer, when there is one.
    var mustFail: Set<Int> = []
    /// Codes that are as good as success, where the RFCs leave it open.
    var mayFail: Set<Int> = []
    /// Whether no answer is right as well.
    var maySilence = false
}

/// Who sent a request.
struct Author {
    let user: String
    let key: [UInt8]
}

extension ReferenceModel {
    /// Adds to the judgement what is wrong with the credentials; nil when nobody is proven.
    func author(
        of message: WireMessage,
        from client: FiveTuple,
        _ judgement: inout Judgement
    ) -> Author? {
        let hasIntegrity =
            message.first(WireType.messageIntegrity) != nil
            || message.first(WireType.messageIntegritySHA256) != nil
        guard hasIntegrity else {
            judgement.mustFail.insert(401)
            judgement.maySilence = scenario.unauthenticatedPerSecond > 0
            return nil
        }
        guard let nonce = message.value(WireType.nonce), let realm = message.value(WireType.realm),
            message.first(WireType.username) != nil || message.first(WireType.userhash) != nil
        else {
            judgement.mustFail.insert(400)
            judgement.maySilence = scenario.unauthenticatedPerSecond > 0
            return nil
        }
        checkNonce(nonce, from: client, &judgement)
        let algorithm = algorithm(of: message, nonce: nonces[nonce], &judgement)
        guard let user = user(of: message), realm == Array(Scenario.realm.utf8) else {
            judgement.mustFail.formUnion([401, 400])
            judgement.maySilence = scenario.unauthenticatedPerSecond > 0
            return nil
        }
        let key = algorithm.key(user: user.name, realm: Scenario.realm, password: user.password)
        checkIntegrity(message, key, &judgement)
        // Without a valid signature nobody has proven who they are, and refusals may be rationed; nor has who signed twice,
        // once wrongly, for a server that checks both or the other.
        if !judgement.mustFail.isEmpty || judgement.mayFail.contains(401) {
            judgement.maySilence = scenario.unauthenticatedPerSecond > 0
        }
        return Author(user: user.name, key: key)
    }

    /// Who asks where nobody has to prove anything; whether a signature is looked at all the same is open.
    func anybody(_ message: WireMessage, _ judgement: inout Judgement) -> Author {
        let isSigned =
            message.first(WireType.messageIntegrity) != nil
            || message.first(WireType.messageIntegritySHA256) != nil
        if isSigned {
            judgement.mayFail.formUnion([400, 401, 438])
            judgement.maySilence = scenario.unauthenticatedPerSecond > 0
        }
        return Author(user: "", key: [])
    }

    /// A TURN REST name opens nothing after its time.
    func checkExpiry(of author: Author?, _ judgement: inout Judgement) {
        guard let user = scenario.users.first(where: { $0.name == author?.user }),
            let expiry = user.expirySeconds
        else { return }
        let seconds = scenario.unixSeconds(at: now)
        if seconds >= expiry && scenario.unauthenticatedPerSecond > 0 {
            judgement.maySilence = true
        }
        if seconds > expiry { judgement.mustFail.insert(401) }
        if seconds == expiry { judgement.mayFail.insert(401) }
    }

    private func checkIntegrity(
        _ message: WireMessage,
        _ key: [UInt8],
        _ judgement: inout Judgement
    ) {
        let checks = [
            message.integrity(.sha1, key: key), message.integrity(.sha256, key: key),
        ].compactMap { $0 }
        if !checks.contains(true) { judgement.mustFail.formUnion([401]) }
        // Of two integrity attributes the server may check the stronger one, or both.
        if checks.contains(false) { judgement.mayFail.formUnion([401]) }
    }

    private func checkNonce(
        _ nonce: [UInt8],
        from client: FiveTuple,
        _ judgement: inout Judgement
    ) {
        guard let issued = nonces[nonce] else {
            judgement.mustFail.formUnion([438])
            judgement.mayFail.formUnion([400, 401])
            return
        }
        if issued.client.address != client.client.address {
            judgement.mustFail.insert(438)
        } else if issued.client != client.client {
            judgement.mayFail.insert(438)
        }
        // The nonce counts whole seconds, so the second in which it ends is open.
        let end = issued.time + .seconds(Int(scenario.nonceLifetimeSeconds))
        if now >= end + .seconds(1) { judgement.mustFail.insert(438) }
        if now + .seconds(1) >= end { judgement.mayFail.insert(438) }
    }

    /// The password algorithm, and the protection against bidding down (RFC 8489, 9.2.4).
    private func algorithm(
        of message: WireMessage,
        nonce: IssuedNonce?,
        _ judgement: inout Judgement
    ) -> KeyAlgorithm {
        let offered = message.value(WireType.passwordAlgorithms)
        let chosen = message.value(WireType.passwordAlgorithm)
        if offered == nil && chosen == nil { return .md5 }
        let number = chosen.flatMap { $0.count >= 4 ? UInt16($0[0]) << 8 | UInt16($0[1]) : nil }
        let algorithm = number.flatMap(KeyAlgorithm.init(rawValue:))
        let entries = stride(from: 0, to: offered?.count ?? 0, by: 4).map {
            Array(offered?[$0...].prefix(4) ?? [])
        }
        if algorithm == nil || (nonce != nil && offered != nonce?.algorithms)
            || !entries.contains(chosen ?? [])
        {
            judgement.mustFail.insert(400)
        }
        return algorithm ?? .md5
    }

    private func user(of message: WireMessage) -> User? {
        if let name = message.value(WireType.username) {
            return scenario.users.first { Array($0.name.utf8) == name }
        }
        let hash = message.value(WireType.userhash)
        // A TURN REST name is not known before it is shown, so its hash leads nowhere.
        return scenario.users.first {
            $0.expirySeconds == nil && userhash(user: $0.name, realm: Scenario.realm) == hash
        }
    }

    /// Remembers the nonce of a 401 or 438.
    func remember(nonceOf answer: WireMessage, for client: FiveTuple) {
        guard let nonce = answer.value(WireType.nonce) else { return }
        nonces[nonce] = IssuedNonce(
            client: client.client,
            time: now,
            algorithms: answer.value(WireType.passwordAlgorithms)
        )
    }
}
