/// The reference model: what a TURN server must do with each datagram, in slow and plain Swift.
///
/// Written from RFC 8489 and RFC 8656, never from the server's code. It looks at each input and at
/// what the server sent, in the same order, and says which rule was broken. Where the RFCs leave a
/// choice, the model follows the server's answer and then holds it to that.

/// Allocations, permissions and channels as they ought to be.
final class ReferenceModel {
    let scenario: Scenario

    var allocations: [FiveTuple: ModelAllocation] = [:]
    var relays: [RelayName: FiveTuple] = [:]
    var nonces: [[UInt8]: IssuedNonce] = [:]
    var reservations: [[UInt8]: ModelReservation] = [:]
    /// Ended, and the server has yet to close their sockets; with the last one of an allocation, its user.
    var ending: [RelayName: String?] = [:]

    /// The pass under examination.
    var now: Nanoseconds = 0
    var outputs = Outputs()
    var socketEvents: [Int: ArraySlice<SocketEvent>] = [:]
    /// Relayed endpoints bound now; and those bound or closed in this pass, about which order decides.
    var boundPorts: Set<Endpoint> = []
    var changedPorts: Set<Endpoint> = []
    var tally = Tally()

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
    }

    init(_ scenario: Scenario) {
        self.scenario = scenario
    }

    /// Holds one input against what was sent because of it.
    func examine(_ input: Input) throws(Violation) {
        tally.inputs += 1
        switch input.origin {
        case .client(let fiveTuple): try examine(input.bytes, from: fiveTuple)
        case .peer(let peer, let relay): try examine(input.bytes, fromPeer: peer, on: relay)
        }
    }

    /// Everything sent has been explained, and every socket that was opened belongs to somebody.
    func finishPass() throws(Violation) {
        if let (flow, bytes) = outputs.unexplained {
            throw Violation("sent without reason: \(flow): \(hex(bytes))")
        }
        if let event = socketEvents.values.first(where: { !$0.isEmpty })?.first {
            throw Violation("a socket was opened without reason: \(event)")
        }
    }

    /// The server closed a relayed socket.
    func closed(_ relay: RelayName) throws(Violation) {
        if let fiveTuple = relays[relay], let allocation = allocations[fiveTuple],
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
        for allocation in allocations.values {
            for (family, relay) in allocation.relays.sorted(by: { $0.key < $1.key })
            where now >= relay.expiry {
                if let left = allocations[allocation.fiveTuple] { end(left, family) }
            }
        }
        if let left = ending.keys.first(where: { $0.thread == thread }) {
            throw Violation("an allocation past its expiry still has its socket: \(left)")
        }
    }

    /// The live allocation of a five-tuple.
    func live(_ fiveTuple: FiveTuple) -> ModelAllocation? {
        allocations[fiveTuple].flatMap { now < $0.expiry ? $0 : nil }
    }

    /// Live allocations of one thread.
    func count(thread: Int) -> Int {
        allocations.values.count { $0.fiveTuple.thread == thread && now < $0.expiry }
    }

    /// What there is now in one thread.
    func gauges(thread: Int) -> (allocations: Int, permissions: Int, channels: Int, held: Int) {
        let live = allocations.values.filter { $0.fiveTuple.thread == thread && now < $0.expiry }
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
            if let left = allocations[allocation.fiveTuple] { end(left, family) }
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
        allocations[allocation.fiveTuple] = allocation.relays.isEmpty ? nil : allocation
    }

    private func examine(_ bytes: [UInt8], from fiveTuple: FiveTuple) throws(Violation) {
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
