/// The TURN server of one relay thread, as a pure state machine.
internal import STUN

/// A TURN server (RFC 8656) without sockets, clock or random source.
///
/// Datagrams, their senders and the time come in as arguments; what to do comes back as a value, and rare
/// effects wait in a bounded queue: call, obey the verdict, drain `nextCommand()`, call again.
/// All memory is taken by `init`; handling a datagram allocates nothing.
public struct TURNServer: ~Copyable, Sendable {
    let configuration: ServerConfiguration
    let software: [UInt8]
    let own: OwnAddresses
    let natDiscovery: NATDiscovery
    let bandwidth: TokenRate
    let transactionHash: KeyedHash
    let ticketKey: TicketKey
    private let inPlace = InPlace()

    /// No new allocations are made: clients are sent on, or refused.
    public var isDraining: Bool

    var table: AllocationTable
    let authentication: Authentication
    var limiter: UnauthenticatedLimiter
    var alternates: Alternates
    var random: RandomSource
    var counters = Statistics()
    /// Set between `.open` and `finishAllocate`.
    var pending: PendingAllocate?
    /// Other threads may have the allocation that a ticket names.
    public var asksElsewhere = false
    /// Data indications so far.
    var indications: UInt64 = 0

    /// A server without allocations; `seed` is 32 bytes from a secret random source.
    public init(configuration: ServerConfiguration, seed: [UInt8]) {
        var random = RandomSource(seed: seed)
        self.configuration = configuration
        software = Array(configuration.software.utf8)
        own = OwnAddresses(configuration)
        natDiscovery = NATDiscovery(configuration)
        alternates = Alternates(configuration)
        isDraining = configuration.isDraining
        // A burst of a second, and never less than the largest datagram.
        let rate = configuration.bandwidthPerAllocation
        bandwidth = TokenRate(perSecond: rate, burst: max(rate, UInt64(Limits.datagramBytes)))
        transactionHash = KeyedHash(random.next(), random.next())
        table = AllocationTable(
            configuration: configuration,
            hash: KeyedHash(random.next(), random.next())
        )
        limiter = UnauthenticatedLimiter(
            perSecond: configuration.unauthenticatedPerSecond,
            totalPerSecond: configuration.unauthenticatedTotalPerSecond,
            hash: KeyedHash(random.next(), random.next())
        )
        authentication = Authentication(configuration: configuration, seed: seed)
        let nonceKey = configuration.nonceKey
        ticketKey = TicketKey(secret: nonceKey.isEmpty ? seed : nonceKey)
        self.random = random
    }

    /// Handles a message from a client.
    ///
    /// - Parameters:
    ///   - datagram: one datagram's payload, or of a stream one message with its padding.
    ///   - fiveTuple: who sent it, and how.
    ///   - now: the time of this pass.
    ///   - reply: where an answer is written; `Limits.replyBytes`.
    /// - Returns: what is to be done.
    public mutating func receive(
        _ datagram: RawSpan,
        from fiveTuple: FiveTuple,
        at now: Now,
        reply: inout MutableRawSpan
    ) -> Verdict {
        let verdict = receive(datagram, from: fiveTuple, at: now, &reply)
        if case .drop(let reason) = verdict { counters.count(reason) }
        return verdict
    }

    /// Ends what a client had whose connection has ended (RFC 8656 3.1: with TCP or TLS the allocation goes too).
    ///
    /// An allocation with a ticket stays for its lifetime: its client may come back from elsewhere (RFC 8016 1).
    public mutating func connectionEnded(_ fiveTuple: FiveTuple) {
        table.promises.remove(fiveTuple)
        guard let slot = table.byClient.value(of: fiveTuple) else { return }
        if table.keep(slot, without: fiveTuple) { return }
        table.remove(slot)
        counters.allocationsDeleted &+= 1
    }

    /// Whether a client has an allocation now, on this thread or about to come here.
    public func hasAllocation(_ fiveTuple: FiveTuple) -> Bool {
        table.byClient.value(of: fiveTuple) != nil || table.promises.thread(of: fiveTuple) != nil
    }

    /// Whether channel numbers may be those of RFC 5766.
    public var rfc5766Channels: Bool { configuration.rfc5766Channels }

    /// Whether each datagram counts against the bandwidth of its allocation.
    public var limitsBandwidth: Bool { !bandwidth.isUnlimited }

    /// Removes what is past its deadline, of at most `limit` allocations and `limit` connections with peers.
    public mutating func expire(at now: Now, limit: Int) {
        table.expire(at: now.monotonic, limit: limit)
        table.expireTCPConnections(at: now.monotonic, limit: limit)
    }

    /// When `expire(at:limit:)` has something to look at next; nothing ends before.
    public var nextDeadline: Instant? {
        guard let deadline = table.tcp.nextDeadline else { return table.deadlines.top?.deadline }
        return min(deadline, table.deadlines.top?.deadline ?? deadline)
    }

    /// The next effect to be carried out, if any.
    public mutating func nextCommand() -> Command? { table.commands.next() }

    /// What the server did so far, and what it holds.
    public var statistics: Statistics {
        var statistics = counters
        statistics.allocations = UInt64(table.allocations.count)
        statistics.permissions = UInt64(table.permissions.count)
        statistics.channels = UInt64(table.channels.count - table.heldChannels)
        statistics.heldChannels = UInt64(table.heldChannels)
        statistics.allocationsExpired = table.expiredCount
        statistics.tcpConnections = UInt64(table.tcp.count)
        statistics.tcpConnectionsExpired = table.tcp.expiredCount
        return statistics
    }

    /// The first byte tells what a datagram is (RFC 7983).
    private mutating func receive(
        _ datagram: RawSpan,
        from fiveTuple: FiveTuple,
        at now: Now,
        _ reply: inout MutableRawSpan
    ) -> Verdict {
        guard datagram.byteCount > 0 else { return .drop(.notSTUN) }
        let kind = DatagramKind(
            firstByte: datagram.byte(0),
            rfc5766Channels: configuration.rfc5766Channels
        )
        switch kind {
        case .channelData: return relayChannelData(datagram, from: fiveTuple, at: now.monotonic)
        case .stun: return receiveMessage(datagram, from: fiveTuple, at: now, &reply)
        case .dtls, .other: return .drop(.notSTUN)
        }
    }
}
