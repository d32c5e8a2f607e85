/// `load-generator allocate`: creates many allocations, holds them, refreshes them, ends them; one JSON line.

import ArgumentParser
import CLoad
import Glibc

struct AllocationRun: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "allocate",
        abstract: "Create, hold, refresh and end many allocations and measure what they cost."
    )

    @OptionGroup var server: ServerOptions

    @Option(help: "Allocations, each from its own 5-tuple.")
    var count = 10_000

    @Option(help: "New allocations a second; 0: as fast as the server answers.")
    var rate = 0.0

    @Option(help: "Requests in flight.")
    var window = 16

    @Option(help: "Seconds between creation and the check that all are still there.")
    var hold = 1.0

    @Option(help: "Lifetime to ask for, seconds; the server decides.")
    var lifetime: UInt32 = 600

    @Option(help: "What happens in the end: delete, expire or leave.")
    var end = Ending.delete

    mutating func validate() throws {
        guard (1...Population.limit).contains(count), window > 0, rate >= 0, hold >= 0 else {
            throw ValidationError("--count is from 1 to \(Population.limit), --window at least 1")
        }
    }

    func run() throws {
        try server.pin()
        let process = server.serverPid.map { ServerProcess(pid: $0) }
        let usage = { process?.usage() ?? ProcessUsage(time: monotonicNanoseconds()) }
        var conversation = try Conversation(
            socket: try Sockets.open(port: 0),
            server: try server.place(),
            credentials: server.credentials,
            clients: count
        )
        let lifetime = lifetime
        var line = JSONLine()
        let start = usage()
        let created = conversation.round(window: window, rate: rate) { _ in
            .allocate(lifetimeSeconds: lifetime)
        }
        let full = usage()
        report("allocate", created, from: start, to: full, into: &line)
        let growth = Double(full.residentBytes) - Double(start.residentBytes)
        line.add("server_rss_before_bytes", start.residentBytes)
        line.add("server_rss_full_bytes", full.residentBytes)
        line.add("server_rss_bytes_per_allocation", growth / Double(max(1, created.granted)))
        pause(seconds: hold)
        let held = usage()
        let refreshed = conversation.round(window: window) { _ in
            .refresh(lifetimeSeconds: lifetime)
        }
        report("refresh", refreshed, from: held, to: usage(), into: &line)
        finish(&conversation, usage, &line)
        print(line)
    }

    private func finish(
        _ conversation: inout Conversation,
        _ usage: () -> ProcessUsage,
        _ line: inout JSONLine
    ) {
        switch end {
        case .leave:
            return
        case .delete:
            let begin = usage()
            let deleted = conversation.round(window: window) { _ in .refresh(lifetimeSeconds: 0) }
            report("delete", deleted, from: begin, to: usage(), into: &line)
        case .expire:
            let granted = conversation.clients.map(\.lifetimeSeconds).max() ?? 0
            line.add("lifetime_granted_s", granted)
            pause(seconds: Double(granted) + 2)
        }
        // A server that has forgotten them answers 437 (RFC 8656 7.3).
        let gone = conversation.round(window: window) { _ in .refresh(lifetimeSeconds: 0) }
        line.add("gone", gone.refused[437, default: 0])
        line.add("gone_refusals", gone.refusals)
        line.add("server_rss_after_bytes", usage().residentBytes)
    }

    private func report(
        _ name: String,
        _ round: RoundResult,
        from begin: ProcessUsage,
        to end: ProcessUsage,
        into line: inout JSONLine
    ) {
        let granted = Double(max(1, round.granted))
        let used = Double(end.scheduledNanoseconds) - Double(begin.scheduledNanoseconds)
        line.add("\(name)_granted", round.granted)
        line.add("\(name)_refusals", round.refusals)
        line.add("\(name)_repetitions", round.repetitions)
        line.add("\(name)_per_s", Double(round.granted) * 1e9 / Double(max(1, round.nanoseconds)))
        line.add("\(name)_server_cpu_us", used / granted / 1e3)
    }

    private func pause(seconds: Double) {
        let whole = seconds.rounded(.down)
        var left = timespec(tv_sec: Int(whole), tv_nsec: Int((seconds - whole) * 1e9))
        // A signal that does not end the program does not end the pause.
        var rest = left
        while nanosleep(&left, &rest) != 0 { left = rest }
    }
}
