/// The relay loop: one ring, one engine, the sockets of one thread, and the pass that joins them.

internal import Exchange
internal import IOURing
internal import STUN
internal import TURN

/// What a completion is about: the kind in its token.
enum OperationKind: UInt8 {
    /// The multishot receive of a registered file.
    case receive = 1
    /// A send of the batch.
    case send = 2
    /// The inbox has something.
    case wake = 3
    /// The multishot accept of a listening socket.
    case accept = 4
    /// A send on a connection.
    case streamSend = 5
    /// A connection takes bytes again.
    case writable = 6
}

/// All that one relay thread has: made, run and destroyed on that thread.
///
/// A pass: go on with handshakes that wait, reap a bounded number of completions, handle each, expire, settle sockets, lend buffers,
/// prepare the sends, then one system call that submits all of it and waits.
struct RelayLoop: ~Copyable {
    var memory: LoopMemory
    var lending: Lending
    var sockets: RelaySockets
    var receives: Receives
    /// Closed relayed sockets that wait for the end of their sends, oldest first.
    var ended: [EndedSocket] = []
    var accepts = Accepts()
    var gathering = Gathering()
    var overrun = Overrun()
    var passes: UInt64 = 0
    var completions: UInt64 = 0
    var buffersExhausted: UInt64 = 0
    var receiveErrors: UInt64 = 0
    /// What messages of streams weigh in this pass, in completions.
    var streamWork = 0
    /// Whether this pass sends on streams, of which the kernel may take a part only.
    var hasSentOnStreams = false
    /// When DTLS handshakes and the keys of tickets are looked at next.
    var handshakeCheck: UInt64 = 0
    /// Joined connections that their allocation's bandwidth has stopped, and when they are looked at again.
    var throttled: [UInt32] = []
    var throttledUntil: UInt64 = 0
    var isStopping = false
    var isAwaitingInbox = false

    let files: RegisteredFiles
    let listeners: Listeners
    let configuration: RelayThreadConfiguration
    let inbox: RelayInbox
    let counters: CounterBlock
    /// The number of this thread, and its way to the others.
    let index: Int
    let post: HandoverPost

    /// Runs until the inbox says stop.
    mutating func run() {
        while !isStopping { pass() }
        refuseArrivals()
        refuseAccepted()
    }

    /// One turn: what has completed is handled, what follows from it is submitted.
    mutating func pass() {
        let now = Clock.now()
        overrun.end(at: now.monotonic.nanoseconds, isFull: memory.ring.isFull)
        hasSentOnStreams = false
        memory.engine.isDraining = sockets.shared.draining.isOn
        shakeHands(at: now)
        reap(at: now)
        if sockets.hasErrors { readErrors(at: now) }
        memory.engine.expire(at: now, opener: &sockets)
        sockets.expireReservations(at: now)
        memory.engine.expireConnections(
            newcomers: accepts.newcomerCount,
            at: now,
            opener: &sockets
        )
        if now.monotonic.nanoseconds >= handshakeCheck {
            handshakeCheck = now.monotonic.nanoseconds &+ Limits.handshakeCheckNanoseconds
            memory.engine.retransmitHandshakes(at: now, opener: &sockets)
            memory.engine.rotateTicketKeys(at: now)
        }
        memory.engine.endPass()
        memory.engine.sendHandovers(through: post)
        settleSockets()
        settlePeers(at: now)
        prepareStreamSends(at: now)
        settleConnections()
        seatNewcomers(at: now)
        resumeThrottled(at: now)
        lendBuffers()
        armAccepts(at: now)
        armReceives(at: now)
        prepareSends()
        publish()
        enter(at: now)
    }

    /// Goes on with handshakes that wait, one after the other, until they have had their time.
    ///
    /// What they keep waiting is collected then, and handled before another: the sends of the last pass have left.
    private mutating func shakeHands(at now: Now) {
        memory.engine.security.datagramStepsLeft = Limits.datagramStepsPerPass
        if !memory.engine.hasDeferredHandshakes { return }
        let end = now.monotonic.nanoseconds &+ Limits.handshakeNanoseconds
        while memory.engine.resumeHandshake(at: now, opener: &sockets), Clock.monotonic() < end {}
        _ = memory.ring.enter(waitFor: 0, batchWaitMicroseconds: 0, timeoutNanoseconds: nil)
    }

    // A function of its own, so that perf/hotpath can name the way of a datagram.
    @inline(never)
    private mutating func reap(at now: Now) {
        passes &+= 1
        if !hasSlots { completeSends(at: now) }
        var budget = Limits.completionsPerPass
        streamWork = 0
        repeat {
            guard let completion = memory.ring.nextCompletion() else { return }
            budget -= 1
            completions &+= 1
            handle(completion, at: now)
        } while budget > streamWork && hasSlots
    }

    /// Whether any receive can be handled without a drop.
    private var hasSlots: Bool { memory.engine.batch.freeSlots >= Limits.slotsPerReceive }

    /// Frees the slots of the last pass ahead of receives that it left behind, which came before.
    private mutating func completeSends(at now: Now) {
        let kind = OperationKind.send.rawValue
        while let completion = memory.ring.nextCompletion(ofKind: kind) {
            completions &+= 1
            handle(completion, at: now)
        }
    }

    private mutating func handle(_ completion: Completion, at now: Now) {
        let kind = OperationKind(rawValue: completion.token.kind)
        if kind != .receive { memory.engine.forgetPrecedent() }
        switch kind {
        case .receive: received(completion, at: now)
        case .send where completion.result < 0:
            let slot = SlotIndex(rawValue: completion.token.index)
            sendFailed(slot, result: completion.result)
        case .send:
            memory.engine.complete(
                SlotIndex(rawValue: completion.token.index),
                result: completion.result
            )
        case .wake: readInbox()
        case .accept: accepted(completion, at: now)
        case .streamSend: streamSent(completion, at: now)
        case .writable: becameWritable(completion, at: now)
        case nil: break
        }
    }

    /// Submits everything and sleeps until more is there.
    ///
    /// A pass that took its share of `ring/batch_wait_us` waits no longer for more than the first
    /// completion: under load passes follow one another at once. What the last waits took beyond their
    /// time (the sends made on the way, a late timer) counts as its share too, unless they brought a full pass.
    private mutating func enter(at now: Now) {
        if !isAwaitingInbox { readInbox() }
        poll()
        let wait = batchWait(at: now)
        // Whatever kept the kernel from waiting, the next pass finds what there is.
        _ = memory.ring.enter(
            waitFor: Limits.completionsPerWait,
            batchWaitMicroseconds: UInt32(truncatingIfNeeded: wait),
            timeoutNanoseconds: sleep(at: now)
        )
    }

    /// How many microseconds this pass may still wait for more than the first completion.
    private mutating func batchWait(at now: Now) -> UInt64 {
        let start = Clock.monotonic()
        if gathering.endPass() { gathering.endPhase(at: sample(at: start)) }
        let share = gathering.isWorthwhile ? UInt64(configuration.batchWaitMicroseconds) : 0
        // A machine that is late all the time still gathers for half of its share. A quarter on top is for the sends
        // that follow the wait.
        let late = overrun.nanoseconds &* 5 / 4000
        let spent = (start &- now.monotonic.nanoseconds) / 1000 + min(late, share / 2)
        let wait = share - min(spent, share)
        overrun.begin(gathering: wait &* 1000, at: start)
        return wait
    }

    private func sample(at nanoseconds: UInt64) -> Gathering.Sample {
        let statistics = memory.engine.statistics
        return Gathering.Sample(
            handled: statistics.datagramsFromClients &+ statistics.datagramsFromPeers,
            nanoseconds: nanoseconds,
            busyNanoseconds: Clock.busy()
        )
    }

    /// Submits, and asks for completions without sleeping as long as `ring/busy_poll_us` allows.
    private mutating func poll() {
        if configuration.busyPollMicroseconds == 0 { return }
        let end = Clock.monotonic() &+ UInt64(configuration.busyPollMicroseconds) &* 1000
        repeat {
            _ = memory.ring.enter(waitFor: 0, batchWaitMicroseconds: 0, timeoutNanoseconds: nil)
        } while !memory.ring.hasCompletions && Clock.monotonic() < end
    }

    /// How long to sleep.
    private func sleep(at now: Now) -> UInt64 {
        // The last pass only submits what it has left to say.
        if isStopping || memory.engine.hasDeferredHandshakes || sockets.hasErrors
            || accepts.newcomerCount > 0 || !ended.isEmpty
        {
            return 0
        }
        var longest = accepts.isPaused ? Limits.acceptPauseNanoseconds : Limits.sleepNanoseconds
        if !throttled.isEmpty { longest = Limits.bandwidthPauseNanoseconds }
        if hasSentOnStreams { longest = Limits.sentSleepNanoseconds }
        guard let deadline = memory.engine.nextDeadline else { return longest }
        if deadline <= now.monotonic { return 0 }
        return min(deadline.nanoseconds - now.monotonic.nanoseconds, longest)
    }
}
