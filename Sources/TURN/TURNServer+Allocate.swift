/// Allocate (RFC 8656 7).
internal import STUN

extension TURNServer {
    /// Checks an Allocate request in the steps of RFC 8656 7.2; step 1, authentication, is behind us.
    mutating func allocate(
        _ message: borrowing Message,
        _ request: Request,
        _ reply: inout MutableRawSpan
    ) -> Verdict {
        // 2. The 5-tuple is in use, unless that is this very request's doing.
        if let slot = table.settledAllocation(of: request.fiveTuple, at: request.now.monotonic) {
            let allocation = table.allocations[slot]
            guard allocation.transactionID == request.transactionID,
                allocation.identity?.user == request.identity?.user
            else { return refuse(request, .allocationMismatch, &reply) }
            counters.retransmissions &+= 1
            return confirm(allocation, request, &reply)
        }
        // 3. to 8. What the attributes ask for.
        let terms: AllocateTerms
        let transports = relayTransports(for: request)
        let reading = AllocateTerms.read(
            message,
            own,
            transports,
            preferring: preferredFamily(request),
            takesCoturnNumber: configuration.takesCoturnNumber
        )
        switch reading {
        case .refused(let code): return refuse(request, code, &reply)
        case .accepted(let accepted): terms = accepted
        }
        if let verdict = refuse(message, terms, request, &reply) { return verdict }
        // 11. Another server's to serve.
        if let verdict = redirect(request, terms, &reply) { return verdict }
        // 9. and 10. Capacity of this thread; quotas and ports are the loop's to check.
        guard table.hasRoom else { return refuse(request, .insufficientCapacity, &reply) }
        let reservationToken = terms.wantsReservation ? nextReservationToken(terms.family) : 0
        pending = PendingAllocate(
            request: request,
            terms: terms,
            reservationToken: reservationToken,
            user: request.identity == nil ? UserName() : UserName(of: message),
            wantsMobility: message.first(.mobilityTicket) != nil
        )
        return .open(relayRequest(terms, request, reservationToken))
    }

    /// The refusal of terms that can be had, but not by this client or not with what else it wants; nil when there is none.
    private mutating func refuse(
        _ message: borrowing Message,
        _ terms: AllocateTerms,
        _ request: Request,
        _ reply: inout MutableRawSpan
    ) -> Verdict? {
        // RFC 8656 21.4.
        guard !request.fiveTuple.client.ip.isTunnelled else {
            return refuse(request, .forbidden, &reply)
        }
        // 4. DONT-FRAGMENT is served, but not where DF of what comes from the client would have to be known.
        if message.first(.dontFragment) != nil, terms.translates(from: request.fiveTuple) {
            var unknown = UnknownAttributes()
            unknown.insert(.dontFragment)
            return refuse(request, unknown, &reply)
        }
        return mobilityError(inAllocate: message, request).map { refuse(request, $0, &reply) }
    }

    /// Ends an Allocate request for which a relayed socket was wanted; called at once after `.open`.
    public mutating func finishAllocate(
        _ outcome: RelayOutcome,
        at now: Now,
        reply: inout MutableRawSpan
    ) -> Verdict {
        guard var pending else { preconditionFailure("finishAllocate follows .open") }
        self.pending = nil
        pending.request.now = now
        let verdict =
            switch outcome {
            case .opened(let relay, let port, let address):
                establish(
                    pending,
                    OpenedRelay(index: relay, port: port, address: address),
                    nil,
                    &reply
                )
            case .openedBoth(let relay, let additional):
                establish(pending, relay, additional, &reply)
            case .openedAdditional(let additional):
                establish(pending, nil, additional, &reply)
            case .quotaReached:
                refuse(pending.request, .allocationQuotaReached, &reply)
            case .unavailable:
                refuse(pending.request, .insufficientCapacity, &reply)
            }
        if case .drop(let reason) = verdict { counters.count(reason) }
        return verdict
    }

    /// Enters the allocation into the tables and tells the client.
    private mutating func establish(
        _ pending: PendingAllocate,
        _ relay: OpenedRelay?,
        _ additional: OpenedRelay?,
        _ reply: inout MutableRawSpan
    ) -> Verdict {
        let request = pending.request
        let terms = pending.terms
        let seconds = lifetimeSeconds(terms.lifetimeSeconds, request)
        let expiry = request.now.monotonic.advanced(bySeconds: UInt64(seconds))
        var allocation = Allocation(
            fiveTuple: request.fiveTuple,
            identity: request.identity,
            transactionID: request.transactionID,
            reservationToken: pending.reservationToken,
            transport: pending.terms.transport,
            addressError: terms.addressError,
            user: pending.user
        )
        allocation.add(relay, terms.family, until: expiry)
        if let family = terms.additionalFamily { allocation.add(additional, family, until: expiry) }
        let slot = table.insert(allocation)
        if pending.wantsMobility, terms.transport == .udp { offerMobility(slot) }
        counters.allocationsCreated &+= 1
        return confirm(table.allocations[slot], request, &reply)
    }

    /// The success response, made from the allocation alone: a retransmission gets the same one (7.2).
    private mutating func confirm(
        _ allocation: Allocation,
        _ request: Request,
        _ reply: inout MutableRawSpan
    ) -> Verdict {
        var writer = MessageWriter(
            into: &reply,
            type: MessageType(.allocate, .success),
            transactionID: request.transactionID
        )
        for family in AddressFamily.both where allocation[family].isOpen {
            let relay = allocation[family]
            let relayed = own.relayedAddress(family, relay.address, port: relay.port)
            writer.append(.xorRelayedAddress, xorAddress: relayed)
        }
        writer.append(.lifetime, uint32: allocation.secondsLeft(at: request.now.monotonic))
        if allocation.reservationToken != 0 {
            writer.append(.reservationToken, uint64: allocation.reservationToken)
        }
        writer.append(.xorMappedAddress, xorAddress: request.fiveTuple.client.canonical)
        if allocation.addressError != 0 {
            writer.append(.addressErrorCode, uint32: allocation.addressError)
        }
        appendTicket(of: allocation.mobility, to: &writer)
        counters.successes &+= 1
        return conclude(writer, request)
    }

    /// The family of the relayed address when none is asked for.
    private func preferredFamily(_ request: Request) -> AddressFamily {
        let family = request.fiveTuple.client.ip.canonical.family
        return configuration.prefersClientFamily && own.hasRelay(family) ? family : .ipv4
    }

    private mutating func relayRequest(
        _ terms: AllocateTerms,
        _ request: Request,
        _ reservationToken: UInt64
    ) -> RelayRequest {
        let ports = configuration.ports
        let portCount = UInt64(ports.upperBound - ports.lowerBound) + 1
        let client = request.fiveTuple.client.ip
        let listener = configuration.address(of: request.fiveTuple.listener)
        return RelayRequest(
            family: terms.family,
            transport: terms.transport,
            additionalFamily: terms.additionalFamily,
            address: own.choice(terms.family, for: client, at: listener),
            additionalAddress: own.choice(.ipv6, for: client, at: listener),
            kind: terms.kind,
            userTag: request.identity?.userTag ?? 0,
            ports: ports,
            firstPort: ports.lowerBound + UInt16(truncatingIfNeeded: random.below(portCount)),
            reservationToken: reservationToken,
            reservationSeconds: Limits.reservationSeconds
        )
    }

    /// A token nobody can guess; its last bit tells the family of the reserved port.
    private mutating func nextReservationToken(_ family: AddressFamily) -> UInt64 {
        let token = random.next() & ~1 | (family == .ipv6 ? 1 : 0)
        return token > 1 ? token : token | 2
    }
}

/// An Allocate request that waits for its relayed socket.
struct PendingAllocate {
    var request: Request
    var terms: AllocateTerms
    /// Goes into the answer if the request reserved a port; else 0.
    var reservationToken: UInt64
    /// The name it gave, if that was proved.
    var user: UserName
    /// It asked for a ticket (RFC 8016 3.1.1).
    var wantsMobility: Bool
}

extension Allocation {
    /// Notes what came of the wish for a relayed address: of two wanted, one is enough (RFC 8656 7.2).
    fileprivate mutating func add(
        _ opened: OpenedRelay?,
        _ family: AddressFamily,
        until expiry: Instant
    ) {
        if let opened {
            self[family] = Relay(
                index: opened.index,
                port: opened.port,
                address: opened.address,
                expiry: expiry
            )
        } else {
            addressError = AllocateTerms.addressError(.insufficientCapacity, family)
        }
    }

    /// What is left of its lifetime, for LIFETIME.
    func secondsLeft(at now: Instant) -> UInt32 {
        UInt32(clamping: expiry.secondsRoundedUp(since: now))
    }
}

extension TransportAddress {
    /// The address with its IP address in canonical form.
    var canonical: TransportAddress { TransportAddress(ip: ip.canonical, port: port) }
}
