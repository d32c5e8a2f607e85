/// `load-generator handshakes`: TLS handshakes as fast as the server takes them, or at a rate; one JSON line.

import ArgumentParser
import CLoad

extension TLSChoice: ExpressibleByArgument {}

struct HandshakeRun: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "handshakes",
        abstract: "Shake hands over TLS again and again and measure what a handshake costs."
    )

    @OptionGroup var server: ServerOptions

    @Option(help: "TLS version: \(TLSChoice.allCases.map(\.rawValue).joined(separator: ", ")).")
    var version = TLSChoice.any

    @Flag(help: "Resume the session that came last.")
    var resume = false

    @Option(help: "New connections a second; 0: as fast as they are through.")
    var rate = 0.0

    @Option(help: "Handshakes at a time.")
    var window = 16

    @Option(help: "Measured seconds.")
    var seconds = 3.0

    @Option(help: "Seconds before the measurement.")
    var warmup = 0.5

    mutating func validate() throws {
        guard window >= 1, rate >= 0, seconds > 0, warmup >= 0 else {
            throw ValidationError("--window, --rate, --seconds and --warmup are not negative")
        }
    }

    func run() throws {
        let place = try server.place()
        try server.pin()
        var crowd = HandshakeCrowd(
            server: place,
            tls: try TLSClients.make(version: version, resumes: resume),
            rate: rate,
            atOnce: window
        )
        let process = server.serverPid.map { ServerProcess(pid: $0) }
        let usage = { process?.usage() ?? ProcessUsage(time: monotonicNanoseconds()) }
        play(&crowd, seconds: warmup)
        crowd.startOver()
        let begin = usage()
        play(&crowd, seconds: seconds)
        print(report(crowd, from: begin, to: usage()))
    }

    private func play(_ crowd: inout HandshakeCrowd, seconds: Double) {
        let end = monotonicNanoseconds() + UInt64(seconds * 1e9)
        var now = monotonicNanoseconds()
        while now < end {
            _ = crowd.pass(at: now)
            now = monotonicNanoseconds()
        }
    }

    private func report(
        _ crowd: borrowing HandshakeCrowd,
        from begin: ProcessUsage,
        to end: ProcessUsage
    ) -> JSONLine {
        let elapsed = Double(max(1, end.time - begin.time))
        let finished = Double(max(1, crowd.tally.finished))
        let used = Double(end.scheduledNanoseconds) - Double(begin.scheduledNanoseconds)
        var line = JSONLine()
        line.add("version", version.rawValue)
        line.add("rate", rate)
        line.add("window", window)
        line.add("seconds", elapsed / 1e9)
        line.add("finished", crowd.tally.finished)
        line.add("resumed", crowd.tally.resumed)
        line.add("failed", crowd.tally.failed)
        line.add("handshakes_per_s", Double(crowd.tally.finished) / elapsed * 1e9)
        line.add("latency_p50_us", Double(crowd.latency.quantile(0.5)) / 1e3)
        line.add("latency_p99_us", Double(crowd.latency.quantile(0.99)) / 1e3)
        line.add("server_cpu_ns_per_handshake", used / finished)
        line.add("server_cpu_share", used / elapsed)
        line.add("server_rss_bytes", end.residentBytes)
        line.add(
            "server_preempted_share",
            Double(end.waitedNanoseconds &- begin.waitedNanoseconds) / elapsed
        )
        return line
    }
}
