/// `turnpike attributes`: the reference of the attribute tree, and the tree of defaults.

import ArgumentParser
import FoundationEssentials
import Tunables

/// Prints what can be set, or writes the defaults as a tree.
struct AttributesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attributes",
        abstract: "Print the reference of all attributes, or write the tree of defaults."
    )

    @Flag(help: "Print a Markdown table.")
    var markdown = false

    @Option(name: .customLong("write"), help: "Write the tree of defaults to this directory.")
    var directory: String?

    func run() throws {
        guard let directory else {
            print(markdown ? Reference.markdown : Reference.text, terminator: "")
            return
        }
        let root = URL(fileURLWithPath: directory, isDirectory: true)
        for file in Reference.defaultTree {
            let location = root.appendingPathComponent(file.path)
            try FileManager.default.createDirectory(
                at: location.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try Data(file.contents.utf8).write(to: location)
        }
    }
}
