/// The load generator: plays TURN clients and their peers from one thread, and measures the server between them.

import ArgumentParser

@main struct LoadGenerator: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "LoadGenerator",
        abstract: "Play TURN clients and their peers from one thread; print one JSON line.",
        subcommands: [
            RelayRun.self, AllocationRun.self, HandshakeRun.self, ConnectionRun.self,
        ],
        defaultSubcommand: RelayRun.self
    )
}
