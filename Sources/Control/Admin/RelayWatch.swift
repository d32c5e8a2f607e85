/// How the relay threads are doing: looked at once a second.

import Exchange
import NIOCore

/// Samples of all relay threads; lives on the event loop.
///
/// A thread that works passes its loop at least twice a second, even when nothing comes.
final class RelayWatch {
    /// A thread that made no pass for so long does not move.
    static let patience = TimeAmount.seconds(3)

    private struct Look {
        let time: NIODeadline
        let datagrams, bytes, drops, cpuNanoseconds, passes: UInt64
        /// When a pass was seen last.
        var moved: NIODeadline

        init(_ thread: RelayView.Thread, at now: NIODeadline) {
            let counters = thread.counters
            datagrams = counters.value(.datagramsToClients) &+ counters.value(.datagramsToPeers)
            bytes = counters.value(.bytesToClients) &+ counters.value(.bytesToPeers)
            drops = RelayCounter.drops.reduce(0) { $0 &+ counters.value($1) }
            cpuNanoseconds = thread.cpuNanoseconds() ?? 0
            passes = counters.value(.passes)
            time = now
            moved = now
        }

        /// What was counted a second since an earlier look.
        func rate(_ count: KeyPath<Look, UInt64>, since earlier: Look) -> Double {
            let (new, old) = (self[keyPath: count], earlier[keyPath: count])
            let seconds = Double((time - earlier.time).nanoseconds) / 1e9
            return new > old ? Double(new - old) / seconds : 0
        }
    }

    private let relay: RelayView
    /// The last two looks at each thread.
    private var looks: [(before: Look, last: Look)]

    /// Begins to watch.
    init(_ relay: RelayView, at now: NIODeadline) {
        self.relay = relay
        looks = relay.threads.map { Look($0, at: now) }.map { ($0, $0) }
    }

    /// Looks at all threads; rates are those since the last look.
    func look(at now: NIODeadline) {
        for (index, thread) in relay.threads.enumerated() where now > looks[index].last.time {
            let last = looks[index].last
            var look = Look(thread, at: now)
            if look.passes == last.passes { look.moved = last.moved }
            looks[index] = (last, look)
        }
    }

    /// The threads as they are now; rates are those of the last look.
    func threads(at now: NIODeadline) -> [ServerStatus.Thread] {
        let stalled = stalled(at: now)
        return relay.threads.enumerated().map { index, thread in
            let (before, last) = looks[index]
            return ServerStatus.Thread(
                thread: index,
                cpu: thread.cpu,
                isMoving: !stalled.contains(index),
                allocations: thread.counters.value(.allocations),
                permissions: thread.counters.value(.permissions),
                channels: thread.counters.value(.channels),
                datagramsPerSecond: Int(last.rate(\.datagrams, since: before).rounded()),
                bitsPerSecond: Int((last.rate(\.bytes, since: before) * 8).rounded()),
                dropsPerSecond: Int(last.rate(\.drops, since: before).rounded()),
                load: (last.rate(\.cpuNanoseconds, since: before) / 1e6).rounded() / 1e3,
                cpuSeconds: Double(thread.cpuNanoseconds() ?? 0) / 1e9
            )
        }
    }

    /// The threads that do not move.
    func stalled(at now: NIODeadline) -> [Int] {
        relay.threads.indices.filter { index in
            let last = looks[index].last
            // What happened since the last look counts too.
            let isMoving = relay.threads[index].counters.value(.passes) != last.passes
            return !isMoving && now - last.moved > Self.patience
        }
    }
}

extension RelayCounter {
    /// The counters of datagrams dropped, by reason.
    static let drops = allCases.filter { $0.name.hasPrefix("drops_") }
}
