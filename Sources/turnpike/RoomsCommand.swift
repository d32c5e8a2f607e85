/// `turnpike rooms`: the rooms of the running server, and how to end one.

import ArgumentParser
import Control

/// Lists rooms, deletes one, or puts a participant out.
struct RoomsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rooms",
        abstract: "List the rooms of the running server, delete one, or put a participant out.",
        subcommands: [List.self, Delete.self, Kick.self],
        defaultSubcommand: List.self
    )

    /// Prints a table.
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list",
            abstract: "Print the rooms and who is in them."
        )

        @Option(help: "Begin after the room of this name.")
        var after = ""

        @Option(help: "Print so many, at most 1000.")
        var limit = 1000

        @OptionGroup var options: AdminOptions

        func run() throws {
            try reportingProblems {
                let start = after.isEmpty ? "" : "&after=\(pathSegment(after))"
                let path = "/api/v1/rooms?limit=\(limit)\(start)"
                try options.show(path, RoomListDocument.self, lines: Self.lines)
            }
        }

        /// What a person reads.
        static func lines(_ page: RoomListDocument) -> [String] {
            if page.rooms.isEmpty { return ["no rooms"] }
            let rows = page.rooms.map { room in
                let names = (room.participants ?? []).map { $0.id + ($0.isConnected ? "" : "?") }
                return [
                    room.id, "\(room.occupancy)/\(room.capacity)", names.joined(separator: " "),
                ]
            }
            let rest = page.next.map { ["…and more: --after \($0)"] } ?? []
            return columns([["room", "seats", "participants (?: not connected)"]] + rows) + rest
        }
    }

    /// Ends a room.
    struct Delete: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "delete",
            abstract: "Put everybody out of a room and forget it."
        )

        @Argument(help: "The room's name.")
        var room: String

        @OptionGroup var options: AdminOptions

        func run() throws {
            try reportingProblems {
                _ = try options.ask("DELETE", "/api/v1/rooms/\(pathSegment(room))")
            }
        }
    }

    /// Ends one participation.
    struct Kick: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "kick",
            abstract: "Put a participant out of a room."
        )

        @Argument(help: "The room's name.")
        var room: String

        @Argument(help: "The participant, as the list shows it.")
        var participant: String

        @OptionGroup var options: AdminOptions

        func run() throws {
            try reportingProblems {
                let path = "\(pathSegment(room))/participants/\(pathSegment(participant))"
                _ = try options.ask("DELETE", "/api/v1/rooms/\(path)")
            }
        }
    }
}
