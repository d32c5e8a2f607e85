/// The reference model: what a TURN server must do with each datagram, in slow and plain Swift.
///
/// Written from RFC 8489, RFC 8656 and RFC 8016, never from the server's code. It looks at each input and at
/// what the server sent, in the same order, and says which rule was broken. Where the RFCs leave a
/// choice, the model follows the server's answer and then holds it to that.

/// Allocations, permissions and channels as they ought to be.
final class ReferenceModel {
    let scenario: Scenario

    var allocations: [Int: ModelAllocation] = [:]
    var allocationsEver = 0
    var relays: [RelayName: Int] = [:]
    /// Which allocation each ticket was ever made for.
    var tickets: [[UInt8]: Int] = [:]
    /// Clients whose thread knows that another has their allocation; false: perhaps not any more.
    var promises: [FiveTuple: Bool] = [:]
    var nonces: [[UInt8]: IssuedNonce] = [:]
    var reservations: [[UInt8]: ModelReservation] = [:]
    /// Ended, and the server has yet to close their sockets; with the last one of an allocation, its user.
    var ending: [RelayName: String?] = [:]

    /// The pass under examination, and its thread.
    var now: Nanoseconds = 0
    var thread = 0
    /// No new allocations are made.
    var isDraining = false
    /// Messages that the thread sent to others in this pass, and how many it had no room for.
    var passedOn: [(client: FiveTuple, bytes: [UInt8])] = []
    var lostWords: UInt64 = 0
    var outputs = Outputs()
    var socketEvents: [Int: ArraySlice<SocketEvent>] = [:]
    /// Relayed endpoints bound now; and those bound or closed in this pass, about which order decides.
    var boundPorts: Set<Endpoint> = []
    var changedPorts: Set<Endpoint> = []
    var tally = Tally()
    /// The message under examination has been to all threads that could have its sender's allocation.
    var isAskedAround = false

    /// What became of the inputs, to be compared with the server's counters.
    struct Tally {
        var inputs: UInt64 = 0
        var answers: UInt64 = 0
        var forwards: UInt64 = 0
        var successes: [UInt16: Int] = [:]
        var errors: [Int: Int] = [:]
        var bandwidthDrops: UInt64 = 0
        var rateLimited: UInt64 = 0
        /// Datagrams that perhaps had to be dropped.
        var uncertainDrops: UInt64 = 0
        var deliveries = 0
        /// Those of them that went to a second path of the client.
        var copies: UInt64 = 0
        /// Indications of ICMP errors.
        var errorsTold = 0
        var moves = 0
        var handovers = 0
    }

    init(_ scenario: Scenario) {
        self.scenario = scenario
    }

    /// Holds one input against what was sent because of it.
    func examine(_ input: Input) throws(Violation) {
        switch input.origin {
        case .client(let fiveTuple):
            tally.inputs += 1
            if isPassedOn(input.bytes, from: fiveTuple) { return }
            try examine(input.bytes, from: fiveTuple)
        case .peer(let peer, let relay):
            tally.inputs += 1
            try examine(input.bytes, fromPeer: peer, on: relay)
        case .error(let error, let peer, let relay):
            tally.inputs += 1
            try examine(error, about: peer, on: relay)
        case .follows(let peer, let client, let family):
            tally.inputs += 1
            guard let relay = live(client)?.relays[family] else { return }
            try examine(input.bytes, fromPeer: peer, on: relay.name)
        case .passedOn(let client):
            isAskedAround = true
            defer { isAskedAround = false }
            try examine(input.bytes, from: client)
        case .passedFurther(let client, let wasAsked):
            try examine(passedFurther: input.bytes, from: client, wasAsked: wasAsked)
        case .returned(let client, let isFinal, let isAsking):
            promises[client] = nil
            if isAsking {
                guard !isFinal, mayAskOthers(input.bytes, client) else {
                    throw Violation("asked others without reason: \(hex(input.bytes))")
                }
                return
            }
            isAskedAround = isFinal
            defer { isAskedAround = false }
            try examine(input.bytes, from: client)
        case .answer(let client, let isOwner):
            try examine(answer: input.bytes, to: client, isOwner: isOwner)
        case .leaves(let client): try examine(leaving: client)
        case .arrives(let client, let names, let isInstalled):
            try examine(arrived: client, names, isInstalled: isInstalled)
        }
    }

    /// Everything sent has been explained, and every socket that was opened belongs to somebody.
    func finishPass() throws(Violation) {
        if let (flow, bytes) = outputs.unexplained {
            throw Violation("sent without reason: \(flow): \(hex(bytes))")
        }
        if let (client, bytes) = passedOn.first {
            throw Violation("passed on without reason, from \(client): \(hex(bytes))")
        }
        if let event = socketEvents.values.first(where: { !$0.isEmpty })?.first {
            throw Violation("a socket was opened without reason: \(event)")
        }
    }

    /// The server closed a relayed socket.
    func closed(_ relay: RelayName) throws(Violation) {
        if let id = relays[relay], let allocation = allocations[id],
            let (family, ended) = allocation.relays.first(where: { $0.value.name == relay })
        {
            guard now >= ended.expiry else {
                throw Violation("closed the socket of a live allocation: \(relay)")
            }
            end(allocation, family)
        }
        guard ending.removeValue(forKey: relay) != nil else {
            throw Violation("closed a socket that no allocation ended with: \(relay)")
        }
    }

    /// Ends what is past its expiry, and wants the same of the server, whose `expire` just ran.
    func expired(thread: Int) throws(Violation) {
        for allocation in allocations.values where !allocation.isTravelling {
            for (family, relay) in allocation.relays.sorted(by: { $0.key < $1.key })
            where now >= relay.expiry {
                if let left = allocations[allocation.id] { end(left, family) }
            }
        }
        if let left = ending.keys.first(where: { $0.thread == thread }) {
            throw Violation("an allocation past its expiry still has its socket: \(left)")
        }
    }

    /// The live allocation of a 5-tuple, of those of the thread that is examined.
    func live(_ fiveTuple: FiveTuple) -> ModelAllocation? {
        allocations.values.first {
            $0.thread == thread && !$0.isTravelling && $0.isReached(by: fiveTuple)
                && now < $0.expiry
        }
    }

    /// Live allocations of one thread.
    func count(thread: Int) -> Int {
        allocations.values.count { $0.thread == thread && !$0.isTravelling && now < $0.expiry }
    }

    /// What there is now in one thread.
    func gauges(thread: Int) -> (allocations: Int, permissions: Int, channels: Int, held: Int) {
        let live = allocations.values.filter {
            $0.thread == thread && !$0.isTravelling && now < $0.expiry
        }
        let channels = live.flatMap { allocation in
            allocation.channels.values.filter {
                allocation.relay(for: $0.peer.address, at: now) != nil
            }
        }
        let bound = channels.count { now < $0.expiry }
        let kept = channels.count { now < $0.expiry + ModelChannel.hold }
        let permissions = live.flatMap { allocation in
            allocation.permissions.filter { allocation.relay(for: $0.key, at: now) != nil }.values
        }
        return (live.count, permissions.count { now < $0 }, bound, kept - bound)
    }

    func end(_ allocation: ModelAllocation) {
        for family in allocation.relays.keys.sorted() {
            if let left = allocations[allocation.id] { end(left, family) }
        }
    }

    /// Ends one relayed address with what belongs to it, and nothing of the other's (RFC 8656, 8.1).
    func end(_ allocation: ModelAllocation, _ family: UInt8) {
        var allocation = allocation
        guard let relay = allocation.relays.removeValue(forKey: family) else { return }
        relays[relay.name] = nil
        ending[relay.name] = .some(allocation.relays.isEmpty ? allocation.user : nil)
        allocation.permissions = allocation.permissions.filter { $0.key.familyCode != family }
        allocation.channels = allocation.channels.filter {
            $0.value.peer.address.familyCode != family
        }
        allocations[allocation.id] = allocation.relays.isEmpty ? nil : allocation
    }

    func examine(_ bytes: [UInt8], from fiveTuple: FiveTuple) throws(Violation) {
        guard let first = bytes.first else { return }
        if first < 4 {
            guard let message = WireMessage(bytes), message.fingerprint != false else { return }
            return try examine(message, from: fiveTuple)
        }
        if (0x40...(scenario.isRFC5766 ? 0x7F : 0x4F)).contains(first) {
            try examine(channelData: bytes, from: fiveTuple)
        }
    }

    private func examine(_ message: WireMessage, from client: FiveTuple) throws(Violation) {
        switch (message.method, message.messageClass) {
        case (WireMethod.binding, .request): try examine(binding: message, from: client)
        case (WireMethod.allocate, .request), (WireMethod.refresh, .request),
            (WireMethod.createPermission, .request), (WireMethod.channelBind, .request):
            try examine(request: message, from: client)
        case (WireMethod.send, .indication): try examine(send: message, from: client)
        case (_, .request): try examine(strange: message, from: client)
        case (_, _): break
        }
    }
}

/// Bytes as hexadecimal text, cut short.
func hex(_ bytes: [UInt8]) -> String {
    let digits = bytes.prefix(240).map {
        ($0 < 16 ? "0" : "") + String($0, radix: 16)
    }
    return "\(bytes.count) bytes " + digits.joined() + (bytes.count > 240 ? "…" : "")
}
