/// `turnpike allocations`: who relays through the running server, and how to end it.

import ArgumentParser
import Control

/// Lists allocations, or ends one.
struct AllocationsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "allocations",
        abstract: "List the allocations of the running server, or end one.",
        subcommands: [List.self, Kick.self],
        defaultSubcommand: List.self
    )

    /// Prints a table.
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list",
            abstract: "Print the allocations: client, relayed address, user, lifetime."
        )

        @Option(help: "Print so many of each relay thread, at most 10000.")
        var limit = 1000

        @OptionGroup var options: AdminOptions

        func run() throws {
            try reportingProblems {
                let path = "/api/v1/admin/allocations?limit=\(limit)"
                try options.show(path, AllocationDocument.self, lines: Self.lines)
            }
        }

        /// What a person reads.
        static func lines(_ document: AllocationDocument) -> [String] {
            if document.allocations.isEmpty { return ["no allocations"] }
            let head = ["id", "client", "relayed", "user", "left", "permissions", "channels"]
            let rows = document.allocations.map {
                [
                    $0.id, $0.client,
                    $0.relayed + ($0.additional.map { " \($0)" } ?? ""),
                    $0.user.isEmpty ? "-" : printable($0.user),
                    "\($0.secondsLeft)s", "\($0.permissions)", "\($0.channels)",
                ]
            }
            let rest = document.isComplete ? [] : ["…and more: --limit"]
            return columns([head] + rows) + rest
        }

        /// Clients chose it: no control characters for the terminal.
        private static func printable(_ text: String) -> String {
            String(text.unicodeScalars.map { $0.properties.isControl ? "?" : Character($0) })
        }
    }

    /// Ends one allocation.
    struct Kick: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "kick",
            abstract: "End an allocation now; its client may make another one."
        )

        @Argument(help: "The allocation's id, as the list shows it.")
        var id: String

        @OptionGroup var options: AdminOptions

        func run() throws {
            try reportingProblems {
                _ = try options.ask("DELETE", "/api/v1/admin/allocations/\(pathSegment(id))")
            }
        }
    }
}

extension Unicode.Scalar.Properties {
    /// Whether it moves a terminal's cursor, colours it, or turns text around.
    fileprivate var isControl: Bool {
        switch generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned: true
        default: false
        }
    }
}
