/// Binding requests to the sockets of NAT behaviour discovery (RFC 5780 6.1).
internal import STUN

extension TURNServer {
    /// Answers from the socket and to the port that the request wants.
    ///
    /// It is the client's own IP address in any case, and who may be answered has been limited before.
    func discover(
        _ message: borrowing Message,
        _ request: Request,
        at corner: NATDiscoveryCorner,
        _ writer: consuming MessageWriter
    ) -> Verdict {
        guard let wish = NATDiscoveryWish(message) else {
            preconditionFailure("wishes are read before an answer is begun")
        }
        let origin = corner.changed(ip: wish.changesIP, port: wish.changesPort)
        writer.append(.responseOrigin, address: origin.place.address)
        // Regardless of what this request changes (Table 1).
        let other = corner.changed(ip: true, port: true)
        writer.append(.otherAddress, address: other.place.address)
        if let count = wish.paddingCount {
            // As long as a common MTU; but an answer to a forged source is not to outgrow the request.
            writer.append(.padding, zeros: min(count, Limits.discoveryPaddingBytes))
        }
        var target = request.fiveTuple
        target.listener = origin.place.listener
        target.client.port = wish.responsePort ?? target.client.port
        let verdict = conclude(writer, request)
        guard case .reply(let count) = verdict, target != request.fiveTuple else { return verdict }
        return .replyElsewhere(count: count, to: target)
    }
}

/// CHANGE-REQUEST, RESPONSE-PORT and PADDING of a request.
struct NATDiscoveryWish {
    let changesIP: Bool, changesPort: Bool
    let responsePort: UInt16?
    let paddingCount: Int?

    /// Nil when they contradict each other, are malformed, or name a port that nobody has (RFC 5780 7).
    init?(_ message: borrowing Message) {
        let change = message.first(.changeRequest)
        let port = message.first(.responsePort)
        let flags = change.flatMap { $0.count == 4 ? message.uint32($0) : nil }
        let number = port.flatMap { message.uint16($0) }
        paddingCount = message.first(.padding)?.count
        guard (change == nil) == (flags == nil), (port == nil) == (number == nil), number != 0,
            port == nil || paddingCount == nil
        else { return nil }
        changesIP = flags.map { $0 & 4 != 0 } ?? false
        changesPort = flags.map { $0 & 2 != 0 } ?? false
        responsePort = number
    }
}
