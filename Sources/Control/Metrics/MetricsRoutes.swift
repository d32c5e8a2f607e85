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

    private func readiness() -> Response {
        if context.isStopping { return .text(.serviceUnavailable, "stopping\n") }
        let stalled = context.watch.stalled(at: .now())
        if stalled.isEmpty { return .text(.ok, "ready\n") }
        let names = stalled.map(String.init).joined(separator: ", ")
        return .text(.serviceUnavailable, "relay threads that do not move: \(names)\n")
    }

    /// All metrics.
    private func text() -> String {
        var text = PrometheusText()
        writeServer(&text)
        writeRelay(&text)
        writeControl(&text)
        return text.text
    }

    private func writeServer(_ text: inout PrometheusText) {
        let version = [(name: "version", value: context.configuration.version)]
        text.write("turnpike_build_info", "The program's version.", [(version, 1)])
        text.write("turnpike_uptime_seconds", "Time since the start.", context.uptimeSeconds)
        let memory = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        if let pages = memory?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) {
            let bytes = Double(pages * Int(getpagesize()))
            text.write("process_resident_memory_bytes", "Resident memory.", bytes)
        }
    }

    private func writeRelay(_ text: inout PrometheusText) {
        for metric in RelayMetric.all {
            let samples = metric.members.flatMap { member in
                threadSamples(member.label) { Double($1.counters.value(member.counter)) }
            }
            text.write(metric.name, metric.help, samples)
        }
        let times = threadSamples { $1.cpuNanoseconds().map { Double($0) / 1e9 } }
        text.write("turnpike_relay_cpu_seconds_total", "CPU time used.", times)
        let stalled = context.watch.stalled(at: .now())
        let moving = threadSamples { index, _ in stalled.contains(index) ? 0 : 1 }
        text.write("turnpike_relay_moving", "Whether the thread makes passes.", moving)
    }

    /// A sample of each relay thread that has one.
    private func threadSamples(
        _ label: PrometheusText.Label? = nil,
        _ value: (Int, RelayView.Thread) -> Double?
    ) -> [([PrometheusText.Label], Double)] {
        context.relay.threads.enumerated().compactMap { index, thread in
            let labels = [("thread", "\(index)"), label].compactMap { $0 }
            return value(index, thread).map { (labels, $0) }
        }
    }

    private func writeControl(_ text: inout PrometheusText) {
        for counter in ControlCounter.allCases {
            let name = "turnpike_control_\(counter.name)" + (counter.isGauge ? "" : "_total")
            text.write(name, counter.rawValue, Double(context.counters[counter]))
        }
        let name = "turnpike_control_cpu_seconds_total"
        text.write(name, "CPU time used.", ControlThread.cpuSeconds)
    }
}

/// The thread that asks about itself.
enum ControlThread {
    /// The CPU time that the calling thread used.
    static var cpuSeconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
