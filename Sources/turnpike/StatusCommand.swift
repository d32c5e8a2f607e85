/// `turnpike status`: how the running server is doing.

import ArgumentParser
import Control

/// Prints figures of the relay threads and of the control plane.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Print how the running server is doing."
    )

    @OptionGroup var options: AdminOptions

    func run() throws {
        try reportingProblems {
            try options.show("/api/v1/admin/status", ServerStatus.self, lines: Self.lines)
        }
    }

    /// What a person reads.
    static func lines(_ status: ServerStatus) -> [String] {
        let uptime = duration(seconds: status.uptimeSeconds)
        let threads = status.threads.map { thread in
            [
                "\(thread.thread)", thread.cpu.map(String.init) ?? "any",
                thread.isMoving ? "yes" : "NO", "\(thread.allocations)", "\(thread.permissions)",
                "\(thread.channels)", "\(thread.datagramsPerSecond)", "\(thread.bitsPerSecond)",
                "\(thread.dropsPerSecond)", "\(Int((thread.load * 100).rounded()))%",
            ]
        }
        let head = [
            "thread", "cpu", "moves", "allocations", "permissions", "channels", "datagrams/s",
            "bits/s", "drops/s", "load",
        ]
        let counters = status.control.sorted { $0.key < $1.key }.map { [$0.key, "\($0.value)"] }
        return ["turnpike \(status.version), process \(status.process), up \(uptime)", ""]
            + columns([head] + threads) + ["", "control plane"] + columns(counters, indent: 2)
    }
}

/// A time in its two largest units, such as `3d 4h`.
func duration(seconds: Int) -> String {
    let units = [(86_400, "d"), (3600, "h"), (60, "m"), (1, "s")]
    let first = units.firstIndex { seconds >= $0.0 } ?? units.count - 1
    var rest = seconds
    return units[first..<min(first + 2, units.count)].map { size, name in
        defer { rest %= size }
        return "\(rest / size)\(name)"
    }.joined(separator: " ")
}

/// Rows as lines of a table, each column as wide as its widest cell.
func columns(_ rows: [[String]], indent: Int = 0) -> [String] {
    let count = rows.map(\.count).max() ?? 0
    let widths = (0..<count).map { column in
        rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
        let cells = zip(row, widths).map { cell, width in
            cell + String(repeating: " ", count: width - cell.count)
        }
        let line = cells.joined(separator: "  ")
        let end = line.lastIndex { $0 != " " }.map { line[...$0] } ?? ""
        return String(repeating: " ", count: indent) + end
    }
}
