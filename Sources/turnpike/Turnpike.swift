/// The command line: `turnpike serve` and its companions.

import ArgumentParser

/// The program's entry.
@main
struct Turnpike: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "turnpike",
        abstract: "A TURN server.",
        version: turnpikeVersion,
        subcommands: [
            ServeCommand.self, StatusCommand.self, AllocationsCommand.self, RoomsCommand.self,
            CredentialsCommand.self, RoomTokenCommand.self, AttributesCommand.self,
        ]
    )
}

/// The version of this program.
let turnpikeVersion = "0.1.0"
