/// What must hold when everybody has gone.

import Exchange
import RelayLoop
import TURN

extension World {
    /// After the last deadline nothing is left: no allocation, socket, port, quota or buffer.
    func checkEnd() throws(Violation) {
        now += .seconds(1000)
        plannedExpiry = Array(repeating: nil, count: threads.count)
        for thread in threads { try pass(thread.index) }
        try checkTally()
        try checkCounters()
        for thread in threads {
            guard thread.engine.serverStatistics.allocations == 0,
                thread.engine.nextDeadline == nil
            else { throw Violation("allocations are left at the end") }
            guard thread.engine.serverStatistics.permissions == 0,
                thread.engine.serverStatistics.channels == 0,
                thread.engine.serverStatistics.heldChannels == 0
            else { throw Violation("permissions or channels are left at the end") }
        }
        if let left = ledger.open.first { throw Violation("socket \(left.value) is still open") }
        guard shared.quota.charged == 0 else {
            throw Violation("\(shared.quota.charged) allocations are still charged to the quota")
        }
        for port in scenario.ports
        where shared.portsIPv4.isOpen(port) || shared.portsIPv6.isOpen(port) {
            throw Violation("port \(port) is still taken")
        }
        guard shared.reservations.takeAny() == nil else { throw Violation("a reservation is left") }
    }

    /// What came in was answered, passed on or dropped for a reason, each exactly once.
    private func checkCounters() throws(Violation) {
        let engines = threads.map { $0.engine.statistics }
        let received = engines.reduce(0) {
            $0 + $1.datagramsFromClients + $1.datagramsFromPeers + $1.icmpErrors
        }
        let sent = engines.reduce(0) { $0 + $1.datagramsToClients + $1.datagramsToPeers }
        let inEngine = engines.reduce(0) {
            $0 + $1.dropsNotLiveRelayedPort + $1.dropsNoReplyBuffer + $1.dropsNoSendSlot
        }
        // A word between threads that is lost may be a datagram, one part of many, or none.
        let words = engines.reduce(0) { $0 + $1.dropsHandover }
        let inServer = threads.reduce(0) { sum, thread in
            DropReason.allCases.reduce(sum) { $0 + thread.engine.serverStatistics.drops($1) }
        }
        let dropped = inEngine + inServer
        let known = dropped + sent - model.tally.copies
        let lost = model.tally.uncertainDrops + words * 64
        guard known - min(known, words)...known + lost ~= received else {
            throw Violation("\(received) came in, \(sent) went out, \(dropped) were dropped")
        }
    }

    /// The server counted the same drops as the model where the model had to take its word.
    private func checkTally() throws(Violation) {
        let servers = threads.map { $0.engine.serverStatistics }
        let bandwidth = servers.reduce(0) { $0 + $1.drops(.bandwidth) }
        let expected = model.tally.bandwidthDrops
        guard expected...expected + model.tally.uncertainDrops ~= bandwidth else {
            throw Violation("\(expected) over bandwidth, counted \(bandwidth)")
        }
        let limited = servers.reduce(0) { $0 + $1.drops(.rateLimited) }
        guard limited >= model.tally.rateLimited else {
            throw Violation("\(model.tally.rateLimited) not answered, counted \(limited)")
        }
    }

    /// The counters of all threads, for the end of a trace.
    func counters() -> [String] {
        threads.map { thread in
            let server = thread.engine.serverStatistics
            let drops = DropReason.allCases.filter { server.drops($0) > 0 }.map {
                "\($0) \(server.drops($0))"
            }
            return "thread \(thread.index): \(thread.engine.statistics), drops: \(drops)"
        }
    }
}
