/// What the control thread asks about allocations: answered in small pieces, between datagrams.

internal import Exchange
internal import STUN
internal import TURN

extension RelayLoop {
    /// Answers one question; whatever does not fit into the answers' mailbox is not said.
    ///
    /// A listing shows a bounded number of places, and the asker asks again from where it ended: the loop keeps no
    /// memory of it, and datagrams wait for some microseconds at most.
    @inline(never)
    mutating func answer(_ question: RelayQuestion) {
        let now = Clock.now()
        switch question {
        case .allocations(let number, let place):
            list(from: place, number, at: now)
        case .endAllocation(let number, let place, let stamp):
            let isDone = memory.engine.endAllocation(
                at: place,
                stamp: stamp,
                now: now,
                opener: &sockets
            )
            _ = inbox.answers.send(.end(number: number, next: nil, done: isDone))
        }
    }

    private mutating func list(from first: UInt32, _ number: UInt32, at now: Now) {
        let limit = memory.engine.placeLimit
        var place = first
        var records = 0, places = 0
        while place < limit && records < Limits.recordsPerAnswer && places < Limits.placesPerAnswer
        {
            if let record = memory.engine.allocation(at: place, now: now) {
                _ = inbox.answers.send(.allocation(number: number, AllocationRecord(record)))
                records += 1
            }
            place += 1
            places += 1
        }
        let next = place < limit ? place : nil
        _ = inbox.answers.send(.end(number: number, next: next, done: true))
    }
}

extension RelayEngine {
    /// Places below this may hold an allocation.
    var placeLimit: UInt32 { server.placeLimit }

    /// The allocation at a place; nil when there is none.
    func allocation(at place: UInt32, now: Now) -> AllocationSummary? {
        server.allocation(at: place, now: now)
    }

    /// Ends an allocation and closes its socket; false when it is not there any more.
    mutating func endAllocation<Opener: RelayOpener & ~Copyable>(
        at place: UInt32,
        stamp: UInt64,
        now: Now,
        opener: inout Opener
    ) -> Bool {
        guard server.endAllocation(at: place, stamp: stamp, now: now) else { return false }
        drainCommands(at: now, opener: &opener)
        return true
    }
}

extension AllocationRecord {
    fileprivate init(_ summary: AllocationSummary) {
        self.init(
            place: summary.place,
            stamp: summary.stamp,
            client: RecordedAddress(
                version: summary.client.ip.family.version,
                high: summary.client.ip.high,
                low: summary.client.ip.low,
                port: summary.client.port
            ),
            relayVersion: summary.family.version,
            relayPort: summary.relayPort,
            relayAddress: summary.relayAddress,
            additionalRelayPort: summary.additionalRelayPort,
            additionalRelayAddress: summary.additionalRelayAddress,
            secondsLeft: summary.secondsLeft,
            permissions: summary.permissions,
            channels: summary.channels,
            user: summary.user.bytes
        )
    }
}

extension AddressFamily {
    /// The IP version's number.
    fileprivate var version: UInt8 {
        switch self {
        case .ipv4: 4
        case .ipv6: 6
        }
    }
}
