import ArgumentParser

/// The command line: `turnpike serve` and its companions.
@main
struct Turnpike: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "A TURN server.")
}
