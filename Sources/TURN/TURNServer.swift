/// The TURN server of one relay thread, as a pure state machine.
public import STUN

/// A TURN server (RFC 8656) without sockets, clock or random source.
///
/// Datagrams, their senders and the time come in as arguments; what to do comes back as a value, and rare
/// effects wait in a bounded queue: call, obey the verdict, drain `nextCommand()`, call again.
/// All memory is taken by `init`; handling a datagram allocates nothing.
public struct TURNServer: ~Copyable {
    /// What the server did so far.
    public internal(set) var statistics = Statistics()

    /// A server without allocations; `seed` is 32 bytes from a secret random source.
    public init(configuration: ServerConfiguration, seed: [UInt8]) {
    }

    /// Handles a datagram from a client.
    ///
    /// - Parameters:
    ///   - datagram: the payload of one UDP datagram.
    ///   - client: its source, as the kernel gives it.
    ///   - listener: the socket it came in on.
    ///   - now: the time of this pass.
    ///   - reply: where an answer is written; at least 1500 bytes.
    /// - Returns: what is to be done.
    public mutating func receive(
        _ datagram: RawSpan,
        from client: TransportAddress,
        on listener: ListenerIndex,
        at now: Now,
        reply: inout MutableRawSpan
    ) -> Verdict {
        .drop(.notSTUN)
    }

    /// Ends an Allocate request for which a relayed socket was wanted; called at once after `.open`.
    public mutating func finishAllocate(
        _ outcome: RelayOutcome,
        at now: Now,
        reply: inout MutableRawSpan
    ) -> Verdict {
        .drop(.noAllocation)
    }

    /// Handles a datagram of `count` bytes from a peer; called for each of a coalesced train.
    public mutating func receive(
        fromPeer peer: TransportAddress,
        on relay: RelayIndex,
        count: Int,
        at now: Now
    ) -> PeerVerdict {
        .drop(.noAllocation)
    }

    /// Writes the header that goes before a payload of `count` bytes to the client, and returns its length.
    ///
    /// 4 bytes for ChannelData; 36 or 48 for a Data indication, whose payload is followed by zeros to a
    /// multiple of 4.
    public static func writeHeader(
        of delivery: Delivery,
        count: Int,
        into bytes: inout MutableRawSpan
    ) -> Int {
        0
    }

    /// Removes what is past its deadline, of at most `limit` allocations.
    public mutating func expire(at now: Now, limit: Int) {}

    /// The earliest deadline of any allocation.
    public var nextDeadline: Instant? { nil }

    /// The next effect to be carried out, if any.
    public mutating func nextCommand() -> Command? { nil }
}
