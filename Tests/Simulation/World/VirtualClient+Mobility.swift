/// A client that goes elsewhere and takes its allocation along (RFC 8016).

extension VirtualClient {
    /// Goes elsewhere, or back, and says so.
    mutating func roam() -> [[UInt8]] {
        if let former, chance.chance(25) {
            (local, self.former) = (former, local)
        } else if former == nil || chance.chance(60) {
            former = local
            local = nextPlace()
        }
        source = local
        let bytes = request(refreshPlan(with: ticket))
        return chance.chance(20) ? [bytes, bytes] : [bytes]
    }

    /// Another port or another address: another 5-tuple, often of another relay thread.
    private mutating func nextPlace() -> Endpoint {
        var place = local
        place.port = UInt16(chance.within(1024...65_000))
        guard chance.chance(40) else { return place }
        let shift = UInt64(chance.within(1...3)) << 8
        place.address =
            place.address.isIPv6
            ? Address(ipv6High: place.address.high, low: place.address.low ^ shift)
            : Address(ipv4: UInt32(truncatingIfNeeded: place.address.low ^ shift))
        return place
    }

    /// A Refresh request that names the allocation by a ticket.
    mutating func refreshPlan(with ticket: [UInt8]?) -> RequestPlan {
        var plan = refreshPlan()
        plan.contents.append(.bytes(WireType.mobilityTicket, ticket ?? []))
        return plan
    }

    /// A ticket that is old, another client's, invented or damaged.
    mutating func badTicket(_ directory: Directory) -> RequestPlan {
        if chance.chance(20) {
            var plan = allocatePlan(directory)
            plan.contents.append(
                .bytes(WireType.mobilityTicket, chance.bytes(chance.pick([1, 32])))
            )
            return plan
        }
        var ticket = chance.bytes(chance.pick([0, 8, 32]))
        if !directory.mobilityTickets.isEmpty && !chance.chance(15) {
            ticket = chance.pick(directory.mobilityTickets)
            if chance.chance(15) { ticket[chance.below(ticket.count)] ^= 1 }
        }
        if chance.chance(50) {
            former = local
            local = nextPlace()
            source = local
        }
        return refreshPlan(with: ticket)
    }

    mutating func learn(ticketIn answer: WireMessage, _ directory: inout Directory) {
        guard let told = answer.value(WireType.mobilityTicket) else { return }
        ticket = told
        directory.remember(ticket: told)
    }
}
