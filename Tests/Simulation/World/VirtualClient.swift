/// A client that mostly follows the RFCs, and errs in every way that we could think of.
struct VirtualClient {
    /// The client's transport address; a new one is a new five-tuple.
    var local: Endpoint
    /// Where it was before it moved; it still hears what comes there.
    var former: Endpoint?
    /// Where it speaks from.
    var source: Endpoint
    let listener: Int
    let user: User
    let habit: SigningHabit
    let others: [User]
    let isIPv6Relay: Bool
    let wantsMobility: Bool
    var chance: SeededGenerator

    var challenge: Challenge?
    var relayed: Endpoint?
    /// Its newest MOBILITY-TICKET.
    var ticket: [UInt8]?
    /// The second relayed address, of IPv6.
    var additional: Endpoint?
    var permitted: [Address] = []
    var channels: [UInt16: Endpoint] = [:]
    var pending: [[UInt8]: RequestPlan] = [:]
    /// The latest signed requests, to send them again.
    private var sent: [[UInt8]] = []
    private var unanswered: [[UInt8]: [UInt8]] = [:]

    init(
        at local: Endpoint,
        listener: Int,
        users: [User],
        isIPv6Relay: Bool,
        wantsMobility: Bool,
        _ chance: SeededGenerator
    ) {
        self.local = local
        source = local
        self.listener = listener
        self.chance = chance
        self.isIPv6Relay = isIPv6Relay
        self.wantsMobility = wantsMobility
        user = self.chance.pick(users)
        others = users
        habit = SigningHabit(for: user, &self.chance)
    }

    /// Does one thing: the datagrams to send now, in order.
    mutating func act(_ directory: inout Directory) -> [[UInt8]] {
        source = local
        if let former, chance.chance(25) { source = former }
        if !unanswered.isEmpty && chance.chance(30) { return retransmit() }
        if chance.chance(22) { return err(&directory) }
        guard relayed != nil else {
            if chance.chance(10) { return [binding()] }
            return [request(allocatePlan(directory))]
        }
        switch chance.below(100) {
        case 0..<12: return [request(permissionPlan(directory, peers: chance.within(1...3)))]
        case 12..<26: return [request(channelPlan(directory))]
        case 26..<34: return [request(refreshPlan())]
        case 34..<38: return [binding()]
        case 38..<46 where ticket != nil: return roam()
        default: return burst(&directory)
        }
    }

    /// Data, now and then with a request in its midst.
    private mutating func burst(_ directory: inout Directory) -> [[UInt8]] {
        var burst = data(&directory)
        guard burst.count > 2, chance.chance(15) else { return burst }
        let plan = chance.chance(30) ? Self.endPlan : channelPlan(directory)
        burst.insert(request(plan), at: burst.count / 2)
        return burst
    }

    /// Writes a request and remembers it until it is answered.
    mutating func request(_ plan: RequestPlan) -> [UInt8] {
        let transaction = chance.bytes(12)
        pending[transaction] = plan
        let bytes = write(plan, transaction)
        unanswered[transaction] = bytes
        if sent.count >= 8 { sent.removeFirst() }
        sent.append(bytes)
        return bytes
    }

    /// The same bytes again, as RFC 8489, 6.2.1 wants it.
    private mutating func retransmit() -> [[UInt8]] {
        let known = unanswered.keys.sorted { $0.lexicographicallyPrecedes($1) }
        let transaction = chance.pick(known)
        guard let bytes = unanswered[transaction] else { return [] }
        if chance.chance(30) { unanswered[transaction] = nil }
        return [bytes]
    }

    /// An old request once more, though it may have been answered long ago.
    mutating func replay() -> [[UInt8]] { sent.isEmpty ? [] : [chance.pick(sent)] }

    /// Something arrived; what to send because of it.
    mutating func receive(
        _ bytes: [UInt8],
        at place: Endpoint,
        _ directory: inout Directory
    ) -> [[UInt8]] {
        source = place
        guard let answer = WireMessage(bytes), let plan = pending[answer.transaction],
            answer.messageClass == .success || answer.messageClass == .error
        else { return [] }
        unanswered[answer.transaction] = nil
        if answer.messageClass == .success {
            succeed(plan, answer, &directory)
            return []
        }
        pending[answer.transaction] = nil
        return refused(plan, answer, &directory)
    }

    private mutating func refused(
        _ plan: RequestPlan,
        _ answer: WireMessage,
        _ directory: inout Directory
    ) -> [[UInt8]] {
        switch answer.errorCode {
        case 401?, 438?:
            guard let nonce = answer.value(WireType.nonce), let realm = answer.value(WireType.realm)
            else { return [] }
            directory.remember(nonce: nonce)
            challenge = Challenge(
                nonce: nonce,
                realm: realm,
                algorithms: answer.value(WireType.passwordAlgorithms)
            )
            guard plan.attempts < 2 else { return [] }
            var again = plan
            again.attempts += 1
            again.defect = nil
            return [request(again)]
        case 437?:
            if plan.method != WireMethod.allocate { forget() }
            return []
        default: return []
        }
    }

    private mutating func succeed(
        _ plan: RequestPlan,
        _ answer: WireMessage,
        _ directory: inout Directory
    ) {
        switch plan.method {
        case WireMethod.allocate:
            guard let endpoint = answer.xorAddress(WireType.xorRelayedAddress) else { return }
            relayed = endpoint
            directory.remember(relayed: endpoint)
            learn(ticketIn: answer, &directory)
            additional = answer.visible.filter { $0.type == WireType.xorRelayedAddress }.dropFirst()
                .first.flatMap { answer.xorAddress($0) }
            if let additional { directory.remember(relayed: additional) }
            if let token = answer.value(WireType.reservationToken) {
                directory.remember(token: token)
            }
        case WireMethod.refresh:
            learn(ticketIn: answer, &directory)
            guard answer.number(WireType.lifetime, count: 4) == 0 else { return }
            // Of two it may have given up one; which, it may well forget.
            if additional == nil || chance.chance(50) { forget() } else { additional = nil }
        case WireMethod.createPermission, WireMethod.channelBind:
            learn(plan.contents)
        default: break
        }
    }

    private mutating func learn(_ contents: [RequestPlan.Content]) {
        var number: UInt16?
        for content in contents {
            switch content {
            case .peer(let peer):
                if !permitted.contains(peer.address) { permitted.append(peer.address) }
                if let number { channels[number] = peer }
            case .bytes(WireType.channelNumber, let value):
                number = UInt16(truncatingIfNeeded: bigEndianNumber(value.prefix(2)))
            case .bytes: break
            }
        }
    }

    private mutating func forget() {
        relayed = nil
        ticket = nil
        additional = nil
        permitted = []
        channels = [:]
    }

    /// A NAT gave the client another port, or the client started anew.
    mutating func move() {
        local.port = UInt16(chance.within(1024...65_000))
        source = local
        former = nil
        forget()
    }
}
