/// How the relay threads are doing: looked at once a second.

import Exchange
import NIOCore

/// Samples of all relay threads; lives on the event loop.
///
/// A thread that works passes its loop at least twice a second, even when nothing comes.
final class RelayWatch {
    /// A thread that made no pass for so long does not move.
    static let patience = TimeAmount.seconds(3)

    /// The rates of the last look, in the order of the threads.
    private var samples: [ServerStatus.Thread]
    private let relay: RelayView
    private var lasts: [Look]
    private var lastTime: NIODeadline

    private struct Look {
        var datagrams, bytes, drops, cpuNanoseconds, passes: UInt64
        /// When a pass was seen last.
        var moved: NIODeadline

        init(_ thread: RelayView.Thread, at now: NIODeadline) {
            let counters = thread.counters
            datagrams = counters.value(.datagramsToClients) &+ counters.value(.datagramsToPeers)
            bytes = counters.value(.bytesToClients) &+ counters.value(.bytesToPeers)
            drops = RelayCounter.drops.reduce(0) { $0 &+ counters.value($1) }
            cpuNanoseconds = thread.cpuNanoseconds() ?? 0
            passes = counters.value(.passes)
            moved = now
        }
    }

    /// Begins to watch.
    init(_ relay: RelayView, at now: NIODeadline) {
        self.relay = relay
        samples = relay.threads.enumerated().map { ServerStatus.Thread(thread: $0, cpu: $1.cpu) }
        lasts = relay.threads.map { Look($0, at: now) }
        lastTime = now
    }

    /// Looks at all threads; rates are those since the last look.
    func look(at now: NIODeadline) {
        let seconds = Double((now - lastTime).nanoseconds) / 1e9
        guard seconds > 0 else { return }
        for (index, thread) in relay.threads.enumerated() {
            let last = lasts[index]
            var look = Look(thread, at: now)
            if look.passes == last.passes { look.moved = last.moved }
            samples[index].datagramsPerSecond = Self.rate(look.datagrams, last.datagrams, seconds)
            samples[index].bitsPerSecond = Self.rate(look.bytes, last.bytes, seconds / 8)
            samples[index].dropsPerSecond = Self.rate(look.drops, last.drops, seconds)
            let busy = Self.rate(look.cpuNanoseconds, last.cpuNanoseconds, seconds)
            samples[index].load = (Double(busy) / 1e6).rounded() / 1e3
            lasts[index] = look
        }
        lastTime = now
    }

    /// The threads as they are now; rates are those of the last look.
    func threads(at now: NIODeadline) -> [ServerStatus.Thread] {
        let stalled = stalled(at: now)
        return zip(samples, relay.threads).map { sample, thread in
            var status = sample
            status.isMoving = !stalled.contains(sample.thread)
            status.allocations = thread.counters.value(.allocations)
            status.permissions = thread.counters.value(.permissions)
            status.channels = thread.counters.value(.channels)
            status.cpuSeconds = Double(thread.cpuNanoseconds() ?? 0) / 1e9
            return status
        }
    }

    /// The threads that do not move.
    func stalled(at now: NIODeadline) -> [Int] {
        relay.threads.indices.filter { index in
            let last = lasts[index]
            // What happened since the last look counts too.
            let isMoving = relay.threads[index].counters.value(.passes) != last.passes
            return !isMoving && now - last.moved > Self.patience
        }
    }

    private static func rate(_ new: UInt64, _ old: UInt64, _ seconds: Double) -> Int {
        new > old ? Int(clamping: UInt64((Double(new - old) / seconds).rounded())) : 0
    }
}

extension RelayCounter {
    /// The counters of datagrams dropped, by reason.
    static let drops = allCases.filter { $0.name.hasPrefix("drops_") }
}
