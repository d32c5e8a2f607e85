/// ICMP errors about relayed datagrams (RFC 8656 11.5, 18.13).
public import STUN

/// What an ICMP message says about a datagram that left a relayed socket.
public struct ICMPError: Equatable, Sendable, BitwiseCopyable {
    /// The type, as ICMP or ICMPv6 numbers it.
    public var type: UInt8

    /// The code.
    public var code: UInt8

    /// The MTU of the next hop, in messages that tell one; not looked at in others.
    public var mtu: UInt32

    /// An error of that type and code.
    public init(type: UInt8, code: UInt8, mtu: UInt32 = 0) {
        self.type = type
        self.code = code
        self.mtu = mtu
    }
}

/// What is to be done after an ICMP error.
public enum ICMPVerdict: Equatable, Sendable {
    /// Nothing, and the reason is counted.
    case drop(DropReason)
    /// Send the first `count` bytes of the reply buffer, a Data indication, to the client.
    case tell(FiveTuple, count: Int)
}

extension TURNServer {
    /// Handles an ICMP error about a datagram from `relay` to `peer`.
    ///
    /// - Parameters:
    ///   - error: what the message says.
    ///   - peer: where the datagram was sent, not who sent the message.
    ///   - relay: the socket that it left from.
    ///   - now: the time of this pass.
    ///   - reply: where the indication is written; `Limits.replyBytes`.
    /// - Returns: what is to be done.
    public mutating func receive(
        _ error: ICMPError,
        about peer: TransportAddress,
        on relay: RelayIndex,
        at now: Now,
        reply: inout MutableRawSpan
    ) -> ICMPVerdict {
        let verdict = tell(error, about: peer, on: relay, at: now.monotonic, &reply)
        if case .drop(let reason) = verdict { counters.count(reason) }
        return verdict
    }

    private mutating func tell(
        _ error: ICMPError,
        about peer: TransportAddress,
        on relay: RelayIndex,
        at now: Instant,
        _ reply: inout MutableRawSpan
    ) -> ICMPVerdict {
        let canonical = TransportAddress(ip: own.canonical(peer.ip), port: peer.port)
        let family = canonical.ip.family
        guard error.isTold(of: family) else { return .drop(.icmp) }
        guard let path = table.path(from: canonical, on: relay) else { return .drop(.noAllocation) }
        guard table.isLive(path.permission, at: now) else { return .drop(.noPermission) }
        guard table.allocations[path.allocation][family].expiry > now else {
            return .drop(.noAllocation)
        }
        let rate = TokenRate(perSecond: Limits.icmpPerSecond, burst: Limits.icmpBurst)
        guard table.allocations[path.allocation].icmp.take(of: rate, at: now) else {
            return .drop(.icmp)
        }
        var writer = MessageWriter(
            into: &reply,
            type: MessageType(.data, .indication),
            transactionID: nextTransactionID()
        )
        let named = TransportAddress(ip: own.external(canonical.ip), port: peer.port)
        writer.append(.xorPeerAddress, xorAddress: named)
        writer.append(.icmp, uint64: error.attribute(of: family))
        guard let count = writer.finish() else { return .drop(.replyOverflow) }
        return .tell(table.allocations[path.allocation].fiveTuple, count: count)
    }
}

extension ICMPError {
    /// Whether clients are told: destination unreachable and time exceeded, and of ICMPv6 packet too big.
    fileprivate func isTold(of family: AddressFamily) -> Bool {
        switch family {
        case .ipv4: type == 3 || type == 11
        case .ipv6: 1...3 ~= type
        }
    }

    /// Whether the message tells an MTU: fragmentation needed and DF set, packet too big.
    private func hasMTU(of family: AddressFamily) -> Bool {
        switch family {
        case .ipv4: type == 3 && code == 4
        case .ipv6: type == 2
        }
    }

    /// The value of the ICMP attribute: 16 bits reserved, 7 of type, 9 of code, 32 of error data.
    fileprivate func attribute(of family: AddressFamily) -> UInt64 {
        let kind = UInt64(type) << 9 | UInt64(code)
        return kind << 32 | UInt64(hasMTU(of: family) ? mtu : 0)
    }
}
