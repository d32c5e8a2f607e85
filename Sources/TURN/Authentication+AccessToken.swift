/// Third-party authorization (RFC 7635): who bears a token, and who goes on under the key that was in one.
internal import STUN

extension Authentication {
    /// Whether access tokens are taken.
    var takesTokens: Bool { tokens.isServed }

    /// Whether a request makes us decrypt before it has proved anything.
    ///
    /// Not so when it is signed with the key of the session: such a request is to be served, whatever floods come
    /// from its neighbourhood.
    func mustDecrypt(_ message: borrowing Message, session: Identity?) -> Bool {
        guard tokens.isServed, message.first(.accessToken) != nil,
            let username = message.first(.username),
            tokens.knows(kid: message.value(of: username)),
            let kind = message.integrityKind
        else { return false }
        guard let session, session.tokenEnd != nil else { return true }
        return !message.integrity(kind, key: session.key)
    }

    /// Who a request is from that brings a token; nil when the token is no good, or not the key of this request.
    func bearer(
        of token: Attribute,
        in message: borrowing Message,
        _ kind: IntegrityKind,
        at now: Now
    ) -> Identity? {
        guard let username = message.first(.username),
            let token = tokens.open(
                message.value(of: token),
                kid: message.value(of: username),
                at: now
            ),
            let end = token.end(at: now), let key = key(in: token, signing: message, kind)
        else { return nil }
        return Identity(
            key: key,
            integrity: kind,
            user: credentials.user(ofSessionKey: token.key),
            tokenEnd: end
        )
    }

    /// The session key, or its beginning, if the request is signed with that.
    private func key(
        in token: AccessToken,
        signing message: borrowing Message,
        _ kind: IntegrityKind
    ) -> IntegrityKey? {
        if message.integrity(kind, key: token.key) { return token.key }
        let beginning = token.key.bytes.extracting(0..<AccessToken.keyCounts.lowerBound)
        guard tokens.takesShortKeys, kind == .sha1, let short = IntegrityKey(bytes: beginning),
            message.integrity(kind, key: short)
        else { return nil }
        return short
    }

    /// Who a request is from that brings no token, because an earlier one on this five-tuple did: only Allocate
    /// and Refresh bring theirs (RFC 7635 9).
    func bearer(
        of session: Identity?,
        in message: borrowing Message,
        _ kind: IntegrityKind
    ) -> Identity? {
        guard let session, session.tokenEnd != nil, let username = message.first(.username),
            tokens.knows(kid: message.value(of: username)),
            message.integrity(kind, key: session.key)
        else { return nil }
        return Identity(
            key: session.key,
            integrity: kind,
            user: session.user,
            tokenEnd: session.tokenEnd
        )
    }
}

extension Identity {
    /// This one as the owner of `session`'s allocation, if both bear tokens.
    ///
    /// A new token refreshes what an old one made (RFC 7635 9). Tokens name nobody: that it is one of ours, and from
    /// the same five-tuple, is all there is to know. The allocation still counts for the user who made it.
    func succeeding(_ session: Identity?) -> Identity {
        guard let session, session.tokenEnd != nil, tokenEnd != nil else { return self }
        return Identity(key: key, integrity: integrity, user: session.user, tokenEnd: tokenEnd)
    }

    /// Seconds until the token that proved him ends; nil when none did.
    func secondsLeft(at now: Now) -> UInt32? {
        tokenEnd.map { UInt32(clamping: $0 - min($0, now.unixSeconds)) }
    }
}
