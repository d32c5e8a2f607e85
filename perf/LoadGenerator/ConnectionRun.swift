/// `load-generator connections`: opens many connections, leaves them idle, and sees what the server holds for them.

import ArgumentParser
import CLoad
import Glibc

extension Transport: ExpressibleByArgument {}

struct ConnectionRun: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connections",
        abstract: "Open many idle connections and measure what the server holds for each."
    )

    @OptionGroup var server: ServerOptions

    @Option(help: "tcp or tls.")
    var transport = Transport.tcp

    @Option(help: "Connections, each from its own address.")
    var count = 10_000

    @Flag(help: "With an allocation on each; otherwise each asks once for a Binding.")
    var allocate = false

    @Option(help: "Seconds that they are idle before the server's memory is read.")
    var hold = 1.0

    mutating func validate() throws {
        guard (1...Population.limit).contains(count), hold >= 0, transport != .udp else {
            throw ValidationError(
                "--count is from 1 to \(Population.limit), --transport tcp or tls"
            )
        }
    }

    func run() throws {
        let place = try server.place()
        try server.pin()
        let process = server.serverPid.map { ServerProcess(pid: $0) }
        let usage = { process?.usage() ?? ProcessUsage(time: monotonicNanoseconds()) }
        let tls = try transport == .tls ? TLSClients.make(version: .any) : nil
        var streams = try Streams(limit: count, isTLS: transport == .tls)
        var conversation = StreamConversation(credentials: server.credentials, clients: count)
        let wish = allocate ? Wish.allocate(lifetimeSeconds: 600) : .address
        let begin = usage()
        for index in 0..<count {
            try streams.connect(to: place, tls: tls, room: 4096)
            try conversation.ask(index, wish, over: &streams)
            streams.idle(index)
        }
        let opened = usage()
        usleep(UInt32(hold * 1e6))
        print(report(from: begin, opened: opened, to: usage()))
    }

    private func report(
        from begin: ProcessUsage,
        opened: ProcessUsage,
        to end: ProcessUsage
    ) -> JSONLine {
        let used = Double(opened.scheduledNanoseconds) - Double(begin.scheduledNanoseconds)
        let growth = Double(end.residentBytes) - Double(begin.residentBytes)
        var line = JSONLine()
        line.add("transport", transport.rawValue)
        line.add("allocate", allocate ? 1 : 0)
        line.add("connections", count)
        line.add("seconds", Double(opened.time - begin.time) / 1e9)
        line.add("server_cpu_us_per_connection", used / Double(count) / 1e3)
        line.add("server_rss_before_bytes", begin.residentBytes)
        line.add("server_rss_full_bytes", end.residentBytes)
        line.add("server_rss_bytes_per_connection", growth / Double(count))
        return line
    }
}
