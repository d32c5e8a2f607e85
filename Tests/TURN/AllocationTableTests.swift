import STUN
import Testing

@testable import TURN

@Suite("Allocation table")
struct AllocationTableTests {
    /// Random requests, data and time; after each step lists, keyed tables and pools tell the same story.
    @Test(arguments: 0..<10 as Range<UInt64>) func tablesStayInStep(_ seed: UInt64) {
        var random = RandomSource(seed: (0..<32).map { $0 == 0 ? UInt8(seed) : 7 })
        var configuration = ServerConfiguration()
        configuration.allocationCapacity = 6
        configuration.permissionsPerAllocation = 4
        configuration.channelsPerAllocation = 3
        var table = AllocationTable(configuration: configuration, hash: KeyedHash(seed, 1))
        var now = Instant(nanoseconds: 1)
        for step in 0..<1500 {
            change(&table, at: now, &random)
            while table.commands.next() != nil {}
            let problem = firstProblem(of: table)
            #expect(problem == nil, "seed \(seed), step \(step)")
            guard problem == nil else { return }
            if random.below(3) == 0 {
                now = now.advanced(bySeconds: random.below(200))
                table.expire(at: now, limit: .max)
                #expect(hasEnded(table, at: now) == false, "seed \(seed), step \(step)")
            }
        }
        table.expire(at: .never, limit: .max)
        #expect(table.allocations.count + table.permissions.count + table.channels.count == 0)
        #expect(table.heldChannels == 0)
    }

    private func change(
        _ table: inout AllocationTable,
        at now: Instant,
        _ random: inout RandomSource
    ) {
        let fiveTuple = fiveTuple(port: UInt16(random.below(8)))
        let end = now.advanced(bySeconds: 1 + random.below(400))
        guard let slot = table.settledAllocation(of: fiveTuple, at: now) else {
            guard table.hasRoom else { return }
            _ = table.insert(allocation(fiveTuple, until: end))
            return
        }
        let peer = TransportAddress(
            ip: ip(random.below(6)),
            port: UInt16(random.below(3))
        )
        // As CreatePermission and ChannelBind see to.
        guard table.allocations[slot][peer.ip.family].isOpen else { return }
        switch random.below(9) {
        case 0: table.remove(slot)
        case 1: table.setExpiry(of: slot, peer.ip.family, to: end)
        case 8: close(&table, slot, peer.ip.family, at: now)
        case 2, 3: _ = table.addPermission(to: slot, for: peer.ip, until: end)
        case 4: addAndTakeBack(&table, slot, peer.ip, until: end)
        default: bind(&table, UInt16(random.below(4)), to: peer, of: slot, until: end)
        }
    }

    /// An address of either family.
    private func ip(_ number: UInt64) -> IPAddress {
        number % 2 == 0 ? IPAddress(ipv4: UInt32(number)) : IPAddress(ipv6High: 1, low: number)
    }

    private func close(
        _ table: inout AllocationTable,
        _ slot: Slot<Allocation>,
        _ family: AddressFamily,
        at now: Instant
    ) {
        guard table.allocations[slot][family.other].isOpen else { return }
        table.closeRelay(of: slot, family)
        _ = table.settle(slot, at: now)
    }

    private func addAndTakeBack(
        _ table: inout AllocationTable,
        _ slot: Slot<Allocation>,
        _ peer: IPAddress,
        until end: Instant
    ) {
        guard case .added = table.addPermission(to: slot, for: peer, until: end) else { return }
        table.removeNewestPermissions(1, of: slot)
    }

    private func bind(
        _ table: inout AllocationTable,
        _ number: UInt16,
        to peer: TransportAddress,
        of slot: Slot<Allocation>,
        until end: Instant
    ) {
        let existing = table.channel(number, of: slot)
        guard existing == table.channel(to: peer, of: slot) else { return }
        if let existing { return table.rebind(existing, until: end) }
        guard table.hasRoomForChannel(in: slot) else { return }
        switch table.addPermission(to: slot, for: peer.ip, until: end) {
        case .full: return
        case .added(let permission), .existing(let permission):
            table.addChannel(number, to: peer, of: slot, permission: permission, until: end)
        }
    }

    /// An allocation with an IPv4 relay, an IPv6 relay, or both, as its client's port says.
    private func allocation(_ fiveTuple: FiveTuple, until end: Instant) -> Allocation {
        let number = UInt32(fiveTuple.client.port)
        var allocation = Allocation(
            fiveTuple: fiveTuple,
            identity: nil,
            transactionID: TransactionID(high: 0, low: 0),
            reservationToken: 0,
            addressError: 0
        )
        for family in AddressFamily.both where number % 3 != UInt32(family.rawValue) {
            let index = RelayIndex(rawValue: 2 * number + UInt32(family.rawValue))
            allocation[family] = Relay(index: index, port: 1, expiry: end)
        }
        return allocation
    }

    private func fiveTuple(port: UInt16) -> FiveTuple {
        FiveTuple(
            client: TransportAddress(ip: IPAddress(ipv4: 1), port: port),
            listener: ListenerIndex(rawValue: 0)
        )
    }

    private func slots(of table: borrowing AllocationTable) -> [Slot<Allocation>] {
        (0..<8).compactMap { table.byClient.value(of: fiveTuple(port: $0)) }
    }

    private func permissions(
        of slot: Slot<Allocation>,
        _ table: borrowing AllocationTable
    ) -> [Slot<Permission>] {
        var list: [Slot<Permission>] = []
        var next = table.allocations[slot].firstPermission
        while next.isSome, list.count < 100 {
            list.append(next)
            next = table.permissions[next].next
        }
        return list
    }

    private func channels(
        of slot: Slot<Allocation>,
        _ table: borrowing AllocationTable
    ) -> [Slot<Channel>] {
        var list: [Slot<Channel>] = []
        var next = table.allocations[slot].firstChannel
        while next.isSome, list.count < 100 {
            list.append(next)
            next = table.channels[next].next
        }
        return list
    }

    /// Whether anything is left that ended at `now` or before.
    private func hasEnded(_ table: borrowing AllocationTable, at now: Instant) -> Bool {
        for slot in slots(of: table) {
            if table.allocations[slot].firstExpiry <= now { return true }
            for permission in permissions(of: slot, table)
            where table.permissions[permission].expiry <= now { return true }
            for channel in channels(of: slot, table)
            where table.channels[channel].deadline <= now { return true }
        }
        return false
    }

    /// What is wrong with the tables, if anything.
    private func firstProblem(of table: borrowing AllocationTable) -> String? {
        var permissionCount = 0
        var channelCount = 0
        var heldCount = 0
        for slot in slots(of: table) {
            if let problem = problem(with: slot, table) { return problem }
            permissionCount += permissions(of: slot, table).count
            channelCount += channels(of: slot, table).count
            heldCount += channels(of: slot, table).count { table.channels[$0].isHeld }
        }
        let allocationCount = slots(of: table).count
        return allocationCount == table.allocations.count
            && allocationCount == table.deadlines.count
            && permissionCount == table.permissions.count
            && permissionCount == table.permissionByPeer.count
            && channelCount == table.channels.count && channelCount == table.channelByNumber.count
            && channelCount == table.channelByPeer.count && heldCount == table.heldChannels
            ? nil : "counts differ"
    }

    private func problem(
        with slot: Slot<Allocation>,
        _ table: borrowing AllocationTable
    ) -> String? {
        let allocation = table.allocations[slot]
        for family in AddressFamily.both where allocation[family].isOpen {
            guard table.byRelay[allocation[family].index] == slot else { return "relay" }
        }
        guard let deadline = table.deadlines.deadline(of: slot.index),
            deadline <= allocation.firstExpiry
        else { return "deadline" }
        let permissions = permissions(of: slot, table)
        guard permissions.count == Int(allocation.permissionCount) else {
            return "permission count"
        }
        for permission in permissions {
            let value = table.permissions[permission]
            guard table.permission(of: slot, for: value.key.peer) == permission,
                allocation[value.key.peer.family].isOpen,
                deadline <= value.expiry
            else { return "permission" }
        }
        let channels = channels(of: slot, table)
        guard channels.count == Int(allocation.channelCount) else { return "channel count" }
        for channel in channels {
            let value = table.channels[channel]
            guard table.channel(value.number, of: slot) == channel,
                table.channel(to: value.peer, of: slot) == channel, deadline <= value.deadline,
                table.permission(of: slot, for: value.peer.ip) ?? .none == value.permission
            else { return "channel" }
        }
        return nil
    }
}

@Suite("Statistics")
struct StatisticsTests {
    @Test func haveACounterForEachReason() {
        var statistics = Statistics()
        for reason in DropReason.allCases { statistics.count(reason) }
        for reason in DropReason.allCases { #expect(statistics.drops(reason) == 1) }
    }

    @Test func haveACounterForEachCode() {
        var statistics = Statistics()
        let codes: [ErrorCode] = [
            .badRequest, .unauthorized, .forbidden, .unknownAttribute, .allocationMismatch,
            .staleNonce, .addressFamilyNotSupported, .wrongCredentials, .unsupportedTransport,
            .peerAddressFamilyMismatch, .allocationQuotaReached, .insufficientCapacity,
        ]
        for code in codes { statistics.count(code) }
        for code in codes { #expect(statistics.errors(code) == 1) }
    }
}
