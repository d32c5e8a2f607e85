/// What an allocation relays: datagrams, or streams of bytes (RFC 6062).
internal import STUN

/// The transport of a relayed address (RFC 8656 14.7: REQUESTED-TRANSPORT).
public enum RelayTransport: UInt8, Sendable, BitwiseCopyable {
    /// Datagrams to and from peers.
    case udp = 17
    /// Connections to and from peers (RFC 6062).
    case tcp = 6
}

/// Whether a client may have a TCP allocation.
struct RelayTransports {
    /// TCP is relayed at all.
    var relaysTCP: Bool
    /// The client's own connection is a stream.
    var isStream: Bool

    /// What came of reading REQUESTED-TRANSPORT.
    enum Reading {
        case accepted(RelayTransport)
        case refused(ErrorCode)
    }

    /// Step 3 of RFC 8656 7.2, with the exceptions of RFC 6062 5.1.
    func read(_ message: borrowing Message) -> Reading {
        guard let attribute = message.first(.requestedTransport), attribute.count == 4,
            let number = message.uint8(attribute)
        else { return .refused(.badRequest) }
        switch RelayTransport(rawValue: number) {
        case .udp: return .accepted(.udp)
        case .tcp where relaysTCP: break
        case .tcp, nil: return .refused(.unsupportedTransport)
        }
        // RFC 6062 5.1, steps 2 and 3.
        let isForUDP =
            message.first(.dontFragment) != nil || message.first(.evenPort) != nil
            || message.first(.reservationToken) != nil
        return isStream && !isForUDP ? .accepted(.tcp) : .refused(.badRequest)
    }
}
