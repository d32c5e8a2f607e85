/// Options that commands share: where settings and state come from.

import ArgumentParser
import Tunables

/// `--config`, `--set` and `--state`.
struct ConfigurationOptions: ParsableArguments {
    @Option(
        name: .customLong("config"),
        help: ArgumentHelp("Directory of attributes that override the defaults.", valueName: "dir")
    )
    var directory: String?

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("Override one attribute; repeatable.", valueName: "path=value")
    )
    var overrides: [String] = []

    @Option(
        name: .customLong("state"),
        help: ArgumentHelp("Directory of what the server keeps: its secret.", valueName: "dir")
    )
    var state: String?

    /// The settings, and warnings a line each.
    func load() throws -> (settings: Settings, warnings: [String]) {
        try Settings.load(directory: directory, overrides: overrides)
    }
}
