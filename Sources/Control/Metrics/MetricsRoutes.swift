/// `/metrics` for Prometheus, `/healthz` and `/readyz` for whoever starts and balances servers.

import Exchange
import FoundationEssentials
import Glibc
import NIOCore
import NIOHTTP1

/// Figures of the whole server, and whether it is well.
struct MetricsRoutes {
    let context: ControlContext

    /// Adds the routes.
    func add(to router: inout Router) {
        router.on(.GET, "/metrics") { (request) throws(Response) in
            try context.gate.requireWatcher(request)
            let type = "text/plain; version=0.0.4; charset=utf-8"
            return Response(.ok, type: type, ByteBuffer(string: text()))
        }
        router.on(.GET, "/healthz") { _ in .text(.ok, "ok\n") }
        router.on(.GET, "/readyz") { _ in readiness() }
    }

    /// All metrics.
    func text() -> String {
        var text = PrometheusText()
        writeServer(&text)
        writeRelay(&text)
        writeControl(&text)
        return text.text
    }

    private func readiness() -> Response {
        if context.isStopping { return .text(.serviceUnavailable, "stopping\n") }
        let stalled = context.watch.stalled(at: .now())
        if stalled.isEmpty { return .text(.ok, "ready\n") }
        let names = stalled.map(String.init).joined(separator: ", ")
        return .text(.serviceUnavailable, "relay threads that do not move: \(names)\n")
    }

    private func writeServer(_ text: inout PrometheusText) {
        let version = [(name: "version", value: context.configuration.version)]
        text.write("turnpike_build_info", .gauge, "The program's version.", [(version, 1)])
        let uptime = [PrometheusText.Sample([], context.uptimeSeconds)]
        text.write("turnpike_uptime_seconds", .gauge, "Time since the start.", uptime)
        let memory = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        if let pages = memory?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) {
            let samples: [PrometheusText.Sample] = [([], Double(pages * Int(getpagesize())))]
            text.write("process_resident_memory_bytes", .gauge, "Resident memory.", samples)
        }
    }

    private func writeRelay(_ text: inout PrometheusText) {
        let threads = context.relay.threads
        for metric in RelayMetric.all {
            let samples = metric.members.flatMap { member in
                threads.enumerated().map { index, thread -> PrometheusText.Sample in
                    let labels = [("thread", "\(index)")] + (member.label.map { [$0] } ?? [])
                    return (labels, Double(thread.counters.value(member.counter)))
                }
            }
            text.write(metric.name, metric.isGauge ? .gauge : .counter, metric.help, samples)
        }
        let times = threads.enumerated().compactMap { index, thread -> PrometheusText.Sample? in
            thread.cpuNanoseconds().map { ([("thread", "\(index)")], Double($0) / 1e9) }
        }
        text.write("turnpike_relay_cpu_seconds_total", .counter, "CPU time used.", times)
        let stalled = context.watch.stalled(at: .now())
        let moving = threads.indices.map { index -> PrometheusText.Sample in
            ([("thread", "\(index)")], stalled.contains(index) ? 0 : 1)
        }
        text.write("turnpike_relay_moving", .gauge, "Whether the thread makes passes.", moving)
    }

    private func writeControl(_ text: inout PrometheusText) {
        for counter in ControlCounter.allCases {
            let name = "turnpike_control_\(counter.name)" + (counter.isGauge ? "" : "_total")
            let samples: [PrometheusText.Sample] = [([], Double(context.counters[counter]))]
            text.write(name, counter.isGauge ? .gauge : .counter, counter.rawValue, samples)
        }
        let used: [PrometheusText.Sample] = [([], Double(ControlThread.cpuNanoseconds) / 1e9)]
        text.write("turnpike_control_cpu_seconds_total", .counter, "CPU time used.", used)
    }
}

/// The thread that asks about itself.
enum ControlThread {
    /// The CPU time that the calling thread used.
    static var cpuNanoseconds: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
