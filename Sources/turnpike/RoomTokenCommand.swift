/// `turnpike room-token`: what opens a room where tokens are required.

import ArgumentParser
import FoundationEssentials
import Tokens
import Tunables

/// Makes a room token and prints it.
struct RoomTokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "room-token",
        abstract: "Print a token that opens a room for a while.",
        discussion: """
            Send it with a link, https://HOST/r/ROOM?token=TOKEN, or in the header Authorization: Bearer TOKEN. \
            Rooms ask for one where rooms/tokens_required is 1. Uses rooms/token_key, or else the key that the \
            server made.
            """
    )

    @Argument(help: "The room: letters, digits, - and _.")
    var room: String

    @Option(help: "How long it opens the room, such as 90s, 30m, 1h or 2d.")
    var ttl = "1h"

    @OptionGroup var options: ConfigurationOptions

    func run() throws {
        try reportingProblems {
            guard RoomTokens.isRoom(room) else {
                throw StartProblem("\(room): not a room; use letters, digits, - and _")
            }
            guard let lifetime = seconds(ttl) else {
                throw StartProblem("--ttl \(ttl): not a time such as 90s, 30m, 1h or 2d")
            }
            let settings = try options.load().settings
            let expiry = UInt64(Date().timeIntervalSince1970) + lifetime
            guard let token = RoomTokens(key: try key(of: settings)).token(for: room, until: expiry)
            else {
                throw StartProblem("rooms/token_key: too short to sign with")
            }
            print(token)
        }
    }

    private func key(of settings: Settings) throws -> String {
        if !settings.rooms.tokenKey.isEmpty { return settings.rooms.tokenKey }
        return try StateDirectory(named: options.state).value(of: .roomTokenKey)
    }
}
