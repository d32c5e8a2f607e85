/// `turnpike credentials`: a username and password for the server's secret.

import ArgumentParser
import FoundationEssentials
import STUN
import TURN
import Tunables

/// Makes time-limited credentials and prints them.
struct CredentialsCommand: ParsableCommand {
    private typealias Credentials = (username: String, password: String)

    static let configuration = CommandConfiguration(
        commandName: "credentials",
        abstract: "Print a username and password that the server accepts for a while.",
        discussion: "Uses the first of auth/secrets, or else the secret that the server made."
    )

    @Option(help: "A name to put into the username.")
    var user = ""

    @Option(help: "How long new allocations may be made with them, such as 90s, 30m, 1h or 2d.")
    var ttl = "1h"

    @Flag(help: "Print an entry for a browser's iceServers.")
    var json = false

    @Option(help: "Address or name that clients reach the server by, for --json.")
    var host: String?

    @OptionGroup var options: ConfigurationOptions

    func run() throws {
        try reportingProblems {
            guard let lifetime = seconds(ttl) else {
                throw StartProblem("--ttl \(ttl): not a time such as 90s, 30m, 1h or 2d")
            }
            let settings = try options.load().settings
            let expiry = UInt64(Date().timeIntervalSince1970) + lifetime
            let credentials = TimeLimitedCredentials.make(
                secret: Array(try secret(of: settings).utf8),
                user: user,
                expiry: expiry
            )
            print(try json ? iceServer(credentials, settings).json : text(credentials, expiry))
        }
    }

    private func secret(of settings: Settings) throws -> String {
        if let secret = settings.auth.secrets.first { return secret.value }
        return try StateDirectory(named: options.state).value(of: .secret)
    }

    private func text(_ credentials: Credentials, _ expiry: UInt64) -> String {
        let date = Date(timeIntervalSince1970: Double(expiry)).formatted(.iso8601)
        return """
            username: \(credentials.username)
            password: \(credentials.password)
            expires:  \(date)
            """
    }

    private func iceServer(_ credentials: Credentials, _ settings: Settings) throws -> ICEServer {
        let listeners = settings.listen.udp.compactMap { TransportAddress($0) }
        let port = listeners.first?.port ?? 3478
        let name = try host ?? defaultHost(settings, listeners)
        return ICEServer(
            urls: ["turn:\(name):\(port)?transport=udp"],
            username: credentials.username,
            credential: credentials.password
        )
    }

    /// The address in the tree that clients most likely reach.
    private func defaultHost(
        _ settings: Settings,
        _ listeners: [TransportAddress]
    ) throws -> String {
        if let external = settings.relay.externalAddress.compactMap({ IPAddress($0) }).first {
            return uriHost(external)
        }
        if let named = listeners.first(where: { !$0.ip.isWildcard }) { return uriHost(named.ip) }
        return uriHost(try RelayAddresses(settings.relay).preferred)
    }
}
