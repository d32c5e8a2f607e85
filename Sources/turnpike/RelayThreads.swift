/// The relay threads of the server, as one.

import Control
import Exchange
import Glibc
import RelayLoop
import STUN
import TURN
import Tunables

/// Relay threads that run; the owner stops them.
struct RelayThreads {
    private let threads: [RelayThread]
    private let shared: SharedState

    /// Starts all threads; when one does not start, those before it are stopped again.
    init(_ plan: StartPlan) throws(StartError) {
        let limits = plan.settings.limits
        let shared = SharedState(
            allocations: limits.allocations,
            allocationsPerUser: limits.allocationsPerUser,
            relayAddresses: max(plan.relay.ipv4.count, plan.relay.ipv6.count),
            threads: plan.processors.ofThreads.count,
            tls: plan.tls,
            isDraining: plan.server.isDraining
        )
        self.shared = shared
        var started: [RelayThread] = []
        do throws(StartError) {
            for (index, cpu) in plan.processors.ofThreads.enumerated() {
                let configuration = RelayThreadConfiguration(
                    plan.settings,
                    server: plan.server,
                    listeners: plan.listeners.addresses,
                    streamListeners: plan.streamListeners.addresses,
                    cpu: cpu
                )
                let thread = try RelayThread(
                    index: index,
                    configuration: configuration,
                    shared: shared
                )
                try thread.start()
                started.append(thread)
            }
        } catch {
            Self.end(started)
            throw error
        }
        threads = started
    }

    /// Makes no new allocations from now on, or makes them again; returns whether none are made.
    func toggleDraining() -> Bool { shared.draining.toggle() }

    /// Stops all threads and waits until they have ended.
    func stop() {
        Self.end(threads)
    }

    /// Reads the certificate again; sessions that are open go on with the old one.
    ///
    /// - Throws: Why it stays as it was.
    func reloadCertificates(_ settings: Settings) throws(StartProblem) {
        shared.tls = try TLSContexts(settings, replacing: shared.tls)
        // A full inbox means a thread that is busy answering; it has room in a moment.
        for thread in threads { while !thread.reloadCertificates() { sched_yield() } }
    }

    /// Every counter's name and sum over the threads, in the order of the counters.
    var counters: [(name: String, value: String)] {
        let blocks = threads.map(\.counters)
        return RelayCounter.allCases.map { ($0.name, "\(blocks.total($0))") }
    }

    /// What the control plane sees of the threads.
    func view(_ plan: StartPlan) -> RelayView {
        let views = zip(threads, plan.processors.ofThreads).map { thread, cpu in
            RelayView.Thread(
                cpu: cpu,
                counters: thread.counters,
                cpuNanoseconds: { thread.cpuNanoseconds },
                ask: { thread.ask($0) },
                nextAnswer: { thread.nextAnswer() }
            )
        }
        let addresses = Dictionary(grouping: plan.relay.advertised) {
            $0.family == .ipv4 ? UInt8(4) : UInt8(6)
        }
        return RelayView(
            threads: views,
            addresses: addresses.mapValues { $0.map(\.description) }
        )
    }

    private static func end(_ threads: [RelayThread]) {
        for thread in threads { thread.stop() }
        for thread in threads { thread.join() }
    }
}
