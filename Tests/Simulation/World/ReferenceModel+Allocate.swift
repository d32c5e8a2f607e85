/// Allocate: RFC 8656, 7.2.

extension ReferenceModel {
    /// Holds an Allocate request and the sockets opened for it against the RFC.
    func examine(
        allocate message: WireMessage,
        _ client: FiveTuple,
        _ author: Author?,
        _ judgement: Judgement
    ) throws(Violation) {
        var judgement = judgement
        if let existing = live(client) {
            return try examine(repeated: message, of: client, existing, author, judgement)
        }
        checkTicket(inAllocate: message, &judgement)
        checkDrain(message, of: client, &judgement)
        checkAllocate(message, by: author, &judgement)
        checkFragmentation(message, of: client, &judgement)
        let reservation = message.value(WireType.reservationToken)
        // What only the sockets can tell: ports, quotas, tokens.
        let event = takeEvent(for: message, of: client, judgement)
        switch event?.outcome {
        case .opened?: break
        case .quotaReached?: judge(quotaOf: author, &judgement)
        case .unavailable?: judgement.mustFail.insert(508)
        case nil:
            // What has ended and was not yet removed still takes up room.
            let ending = ending.keys.count { $0.thread == client.thread }
            let all = allocations.values.count { $0.thread == client.thread }
            if all + ending >= scenario.allocationCapacity {
                judgement.mayFail.formUnion([486, 508])
            }
            if reservation != nil { judgement.mayFail.insert(508) }
        }
        let answer = try success(to: message, of: client, by: author, judgement)
        guard let answer else {
            if case .opened(let sockets, _)? = event?.outcome {
                throw Violation("an Allocate was refused with its sockets open: \(sockets)")
            }
            return
        }
        guard case .opened(let sockets, let reserved)? = event?.outcome else {
            throw Violation("an Allocate succeeded without a socket")
        }
        try install(message, answer, client, author, sockets, reserved: reserved)
    }

    /// What the sockets said to this request; nil when the server did not ask them.
    private func takeEvent(
        for message: WireMessage,
        of client: FiveTuple,
        _ judgement: Judgement
    ) -> SocketEvent? {
        let token = message.value(WireType.reservationToken)
        guard judgement.mustFail.subtracting([508]).isEmpty,
            socketEvents[client.thread]?.first?.token == token,
            let answer = answer(to: message, of: client)
        else { return nil }
        let isFull = count(thread: client.thread) >= scenario.allocationCapacity
        switch answer.errorCode {
        case nil, 486?: break
        case 508? where !isFull: break
        default: return nil
        }
        return socketEvents[client.thread]?.popFirst()
    }

    /// The request's own content (RFC 8656, 7.2, steps 3 to 8).
    private func checkAllocate(
        _ message: WireMessage,
        by author: Author?,
        _ judgement: inout Judgement
    ) {
        checkExpiry(of: author, &judgement)
        checkLength(of: WireType.lifetime, in: message, &judgement)
        switch message.value(WireType.requestedTransport) {
        case nil: judgement.mustFail.insert(400)
        case .some(let value) where value.count != 4: judgement.mustFail.insert(400)
        case .some(let value) where value[0] != 17: judgement.mustFail.insert(442)
        default: break
        }
        let even = message.value(WireType.evenPort)
        let token = message.value(WireType.reservationToken)
        let family = message.value(WireType.requestedAddressFamily)
        if let even, even.count != 1 { judgement.mustFail.insert(400) }
        if let additional = message.value(WireType.additionalAddressFamily) {
            if token != nil || family != nil || additional.count != 4 || additional[0] != 2
                || even.map({ $0.count == 1 && $0[0] & 0x80 != 0 }) ?? false
            {
                judgement.mustFail.insert(400)
            }
        }
        if let token {
            if even != nil || family != nil { judgement.mustFail.insert(400) }
            check(token: token, &judgement)
        }
        guard let family else { return }
        if family.count != 4 { judgement.mustFail.formUnion([400, 440]) }
        if family.first != 1 && (family.first != 2 || !scenario.hasIPv6Relay) {
            judgement.mustFail.formUnion([440])
        }
    }

    /// A server that drains sends new clients on, or refuses them where it knows no other for their family (RFC 8656,
    /// 7.2); whether it takes one that has a port reserved is its choice.
    private func checkDrain(
        _ message: WireMessage,
        of client: FiveTuple,
        _ judgement: inout Judgement
    ) {
        guard isDraining else { return }
        let isIPv6 = client.client.address.canonical.isIPv6
        let hasOther = scenario.alternates.contains { $0.address.isIPv6 == isIPv6 }
        if message.first(WireType.reservationToken) != nil {
            judgement.mayFail.insert(hasOther ? 300 : 508)
        } else {
            judgement.mustFail.insert(hasOther ? 300 : 508)
        }
    }

    /// Where IPv4 becomes IPv6, DONT-FRAGMENT is refused (RFC 8656, 3.7).
    private func checkFragmentation(
        _ message: WireMessage,
        of client: FiveTuple,
        _ judgement: inout Judgement
    ) {
        guard message.first(WireType.dontFragment) != nil, scenario.hasIPv6Relay,
            !client.client.address.canonical.isIPv6
        else { return }
        let families = [WireType.requestedAddressFamily, WireType.additionalAddressFamily]
        if families.contains(where: { message.value($0)?.first == 2 }) {
            judgement.mustFail.insert(420)
        } else if message.first(WireType.reservationToken) != nil {
            judgement.mayFail.insert(420)
        }
    }

    private func check(token: [UInt8], _ judgement: inout Judgement) {
        guard token.count == 8 else { return judgement.mustFail.formUnion([400, 508]) }
        guard let reservation = reservations[token] else {
            return judgement.mustFail.formUnion([508])
        }
        let end = reservation.expirySeconds
        // Reservations count whole seconds.
        if now > end + .seconds(1) { judgement.mustFail.insert(508) }
        if now + .seconds(1) >= end { judgement.mayFail.insert(508) }
    }

    private func judge(quotaOf author: Author?, _ judgement: inout Judgement) {
        let all = allocations.values.filter { now < $0.expiry }.map(\.user)
        // What has ended and is not yet closed still counts.
        let shared =
            all + ending.values.compactMap(\.self)
            + allocations.values.filter { now >= $0.expiry }.map(\.user)
        let isTotal = scenario.totalQuota > 0 && shared.count >= scenario.totalQuota
        let own = shared.count { $0 == author?.user }
        let isUser = scenario.userQuota > 0 && own >= scenario.userQuota
        if isTotal || isUser { judgement.mustFail.insert(486) }
    }

    /// An Allocate on a five-tuple in use: a retransmission, or a mistake (RFC 8656, 7.2, step 2).
    private func examine(
        repeated message: WireMessage,
        of client: FiveTuple,
        _ existing: ModelAllocation,
        _ author: Author?,
        _ judgement: Judgement
    ) throws(Violation) {
        var judgement = judgement
        if message.transaction != existing.transaction {
            judgement.mustFail.insert(437)
        } else {
            // The same transaction with other content, or by another user, is no retransmission.
            judgement.mayFail.formUnion([437, 441])
        }
        if let author, author.user != existing.user { judgement.mayFail.insert(441) }
        // Whether a name that ran out since may still repeat its Allocate is open.
        var expiry = Judgement()
        checkExpiry(of: author, &expiry)
        judgement.mayFail.formUnion(expiry.mustFail.union(expiry.mayFail))
        judgement.maySilence = judgement.maySilence || expiry.maySilence
        let answer = try success(to: message, of: client, by: author, judgement)
        guard let answer else { return }
        guard relayed(in: answer) == existing.relayed(at: now),
            answer.value(WireType.reservationToken) == existing.reservationToken,
            let lifetime = answer.number(WireType.lifetime, count: 4),
            .seconds(Int(lifetime)) <= existing.expiry - now + .seconds(1)
        else { throw Violation("a repeated Allocate got another answer than the first") }
        guard let told = answer.value(WireType.mobilityTicket), var existing = live(client) else {
            return
        }
        try learn(told, of: &existing)
        allocations[existing.id] = existing
    }

    private func install(
        _ message: WireMessage,
        _ answer: WireMessage,
        _ client: FiveTuple,
        _ author: Author?,
        _ sockets: [(name: RelayName, endpoint: Endpoint)],
        reserved: Endpoint?
    ) throws(Violation) {
        let asked = message.number(WireType.lifetime, count: 4)
        let granted = grantedLifetime(asked)
        guard answer.number(WireType.lifetime, count: 4) == granted else {
            throw Violation("an Allocate with a wrong LIFETIME for \(asked ?? 0)")
        }
        guard answer.xorAddress(WireType.xorMappedAddress) == client.mapped,
            relayed(in: answer) == sockets.map({ externalForm($0.endpoint) })
        else { throw Violation("an Allocate with wrong addresses") }
        try checkFamilies(message, answer, sockets.map(\.endpoint.address.familyCode))
        for socket in sockets { try checkSocket(message, socket.endpoint) }
        let token = answer.value(WireType.reservationToken)
        try remember(token, of: reserved)
        if let claimed = message.value(WireType.reservationToken) { reservations[claimed] = nil }
        for old in allocations.values.filter({ $0.thread == thread && !$0.isTravelling })
        where old.paths.contains(client) { end(old) }
        allocationsEver += 1
        let ticket = answer.value(WireType.mobilityTicket)
        guard (ticket != nil) == (message.first(WireType.mobilityTicket) != nil) else {
            throw Violation("a ticket that nobody asked for, or none")
        }
        if let ticket { tickets[ticket] = allocationsEver }
        let allocation = ModelAllocation(
            id: allocationsEver,
            fiveTuple: client,
            thread: thread,
            tickets: ticket.map { [$0] } ?? [],
            relays: Dictionary(
                uniqueKeysWithValues: sockets.map { name, endpoint in
                    let expiry = now + .seconds(Int(granted))
                    let relayed = externalForm(endpoint)
                    return (
                        endpoint.address.familyCode,
                        ModelRelay(name: name, relayed: relayed, expiry: expiry)
                    )
                }
            ),
            user: author?.user ?? "",
            transaction: message.transaction,
            reservationToken: token
        )
        allocations[allocation.id] = allocation
        for socket in sockets { relays[socket.name] = allocation.id }
        try checkQuota(of: allocation.user)
    }

    /// The relayed addresses that an answer tells, in order.
    private func relayed(in answer: WireMessage) -> [Endpoint] {
        answer.visible.filter { $0.type == WireType.xorRelayedAddress }
            .compactMap { answer.xorAddress($0) }
    }

    /// One relayed address, or two, or one and an ADDRESS-ERROR-CODE that says why there is no other.
    private func checkFamilies(
        _ message: WireMessage,
        _ answer: WireMessage,
        _ families: [UInt8]
    ) throws(Violation) {
        let error = answer.value(WireType.addressErrorCode)
        guard message.first(WireType.additionalAddressFamily) != nil else {
            guard families.count == 1, error == nil else {
                throw Violation("two relayed addresses for one")
            }
            return
        }
        var expected: [UInt8]?
        if !families.contains(1) { expected = [1, 0, 5, 8] }
        if !families.contains(2) {
            expected = scenario.hasIPv6Relay ? [2, 0, 5, 8] : [2, 0, 4, 40]
        }
        guard error == expected else {
            throw Violation("ADDRESS-ERROR-CODE \(error ?? []) with the families \(families)")
        }
    }

    /// The relayed port is what was asked for.
    private func checkSocket(_ message: WireMessage, _ endpoint: Endpoint) throws(Violation) {
        guard scenario.ports.contains(endpoint.port) else { throw Violation("a port out of range") }
        if let token = message.value(WireType.reservationToken) {
            guard reservations[token]?.endpoint == endpoint else {
                throw Violation("a reservation led to another port")
            }
            return
        }
        let family = message.value(WireType.requestedAddressFamily)?.first ?? 1
        let isPair = message.first(WireType.additionalAddressFamily) != nil
        guard isPair || endpoint.address.familyCode == family else {
            throw Violation("a wrong family")
        }
        if message.first(WireType.evenPort) != nil && endpoint.port % 2 != 0 {
            throw Violation("EVEN-PORT led to an odd port")
        }
    }

    private func remember(_ token: [UInt8]?, of reserved: Endpoint?) throws(Violation) {
        guard (token == nil) == (reserved == nil) else {
            throw Violation("a reserved port without RESERVATION-TOKEN, or one without the other")
        }
        guard let token, let reserved else { return }
        reservations[token] = ModelReservation(
            endpoint: reserved,
            expirySeconds: now + .seconds(30)
        )
    }

    private func checkQuota(of user: String) throws(Violation) {
        let live = allocations.values.filter { now < $0.expiry }
        if scenario.totalQuota > 0 && live.count > scenario.totalQuota {
            throw Violation("more allocations than the total quota")
        }
        let own = live.count { $0.user == user }
        if scenario.userQuota > 0 && scenario.isAuthenticationRequired && own > scenario.userQuota {
            throw Violation("more allocations than the quota of \(user)")
        }
    }
}
