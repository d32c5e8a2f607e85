/// The relay engine: what one relay thread does with a filled buffer, without a system call.
///
/// A pass is: `receive` for each completion, `expire`, `endPass`, then hand each pending send to the
/// kernel (or to a simulated network) and give the outcome to `complete`. A buffer is free, with the
/// kernel, or held by the pass and the sends that name it.

public import IOURing
public import TURN

/// The TURN server joined to buffers and sends; no socket, no clock, no random source.
public struct RelayEngine: ~Copyable {
    /// The buffers of this thread.
    public var pool: BufferPool
    /// The datagrams that leave at the end of this pass.
    public var batch: SendBatch
    /// Facts about the datagrams of this thread.
    public internal(set) var statistics = EngineStatistics()

    var server: TURNServer
    var replies: ReplyWriter
    /// What the next datagram may be like.
    var precedent = Precedent()
    var connections: Connections
    var security: Security
    /// Messages of this pass for other threads.
    var strays: [StrayMessage] = []
    /// What peers sent in this pass for clients of other threads.
    var parcels: [Parcel] = []
    /// Who has the sockets whose receives end here, by their numbers here; and whether there are any.
    var heirs: [RelayIndex: Heir] = [:], hasHeirs = false
    let registeredFiles: RegisteredFiles
    let trafficClasses: TrafficClasses
    /// The number of this thread, and how many there are.
    var threadNumber = 0, threadCount = 1

    /// Joins a server to its memory.
    ///
    /// - Throws: `ENOMEM` when there is none for connections.
    public init(
        server: consuming TURNServer,
        pool: consuming BufferPool,
        batch: consuming SendBatch,
        registeredFiles: RegisteredFiles,
        trafficClasses: TrafficClasses = .copied,
        connections limits: ConnectionLimits = ConnectionLimits(),
        hash: KeyedHash = KeyedHash(0, 0)
    ) throws(Errno) {
        let security = try Security(
            capacity: max(1, limits.connections),
            handshakes: limits.handshakes,
            hash: hash
        )
        connections = try Connections(limits, hash: hash)
        self.security = security
        self.server = server
        self.pool = pool
        self.batch = batch
        self.registeredFiles = registeredFiles
        self.trafficClasses = trafficClasses
        replies = ReplyWriter()
    }

    /// The server's own counters.
    public var serverStatistics: TURN.Statistics { server.statistics }

    /// Whether new allocations are made elsewhere.
    public var isDraining: Bool {
        get { server.isDraining }
        set { server.isDraining = newValue }
    }

    /// When `expire` is due next; `nil` when nothing waits.
    public var nextDeadline: Instant? { server.nextDeadline }

    /// Removes what is past its deadline and closes its sockets.
    public mutating func expire<Opener: RelayOpener & ~Copyable>(
        at now: Now,
        opener: inout Opener
    ) {
        forgetPrecedent()
        server.expire(at: now, limit: Limits.expirationsPerPass)
        drainCommands(at: now, opener: &opener)
    }

    /// Closes the groups of this pass, so that `nextPendingSend` yields them in order.
    public mutating func endPass() {
        forgetPrecedent()
        replies.endPass(&pool)
        batch.seal()
    }

    /// The next send of this pass, in the order in which it must be submitted.
    public mutating func nextPendingSend() -> SlotIndex? { batch.nextPending() }

    /// Takes the kernel's word on a send and gives its buffers back to the pool.
    ///
    /// A segmented send that the kernel refuses becomes pending again, datagram by datagram.
    ///
    /// - Parameters:
    ///   - slot: what `nextPendingSend` gave.
    ///   - result: bytes sent, or a negative errno.
    public mutating func complete(_ slot: SlotIndex, result: Int32) {
        switch batch.complete(slot, result: result, pool: &pool) {
        case .sent(let datagrams, _):
            statistics.sends &+= 1
            if datagrams > 1 { statistics.segmentedSends &+= 1 }
        case .refusedSegmentation:
            statistics.segmentationRefused &+= 1
            batch.split(slot)
        case .dropped(let datagrams, let error):
            statistics.count(drops: datagrams, for: error)
        }
        while let buffer = batch.takeReleased() { pool.free(buffer) }
    }

    /// Performs what the server asks of its sockets.
    mutating func drainCommands<Opener: RelayOpener & ~Copyable>(
        at now: Now,
        opener: inout Opener
    ) {
        while let command = server.nextCommand() {
            switch command {
            case .close(let relay, let userTag, let isLast, let client):
                opener.close(relay, userTag: userTag, isLast: isLast, at: now)
                if isLast, client != .none, !client.isForeign {
                    connections.heard(client, hasAllocation: false, at: now.seconds)
                }
            case .left(let client):
                if !client.isForeign {
                    connections.heard(client, hasAllocation: false, at: now.seconds)
                }
            case .disconnect(let peer):
                disconnect(peer)
            case .giveUp(let peer):
                finishConnect(peer, isConnected: false, at: now)
            }
        }
    }
}
