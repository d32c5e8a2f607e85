/// Everything that is decided before the first relay thread starts.

import IOURing
import RelayLoop
import STUN
import TURN
import Tunables

/// The server that the settings describe, on this machine.
struct StartPlan {
    let settings: Settings
    let listeners: Listeners
    /// Where clients connect.
    let streamListeners: Listeners
    /// What TLS and DTLS sessions are made with.
    let tls: TLSContexts
    let relay: RelayAddresses
    let processors: Processors
    let server: ServerConfiguration
    /// Where the server keeps what it made for itself.
    let state: StateDirectory
    /// Whether TURN credentials are made with the secret in there: the tree has none.
    let usesOwnSecret: Bool
    /// The control plane.
    let control: ControlPlan
    /// What the operator should know, a line each.
    private(set) var warnings: [String]

    /// Finds addresses and CPUs, makes the secret if there is none, and checks what can be checked.
    ///
    /// - Parameters:
    ///   - settings: The attribute tree.
    ///   - warnings: What reading it brought up.
    ///   - state: The state directory that the operator named.
    /// - Throws: What keeps the server from starting, in one line.
    init(_ settings: Settings, warnings: [String], state: String?) throws {
        if let shortfall = KernelSupport.check() { throw shortfall }
        self.settings = settings
        self.warnings = warnings
        processors = try Processors(settings.threads)
        tls = try TLSContexts(settings)
        let crossed = try settings.listen.crossedAddresses
        let corners: [String] = crossed.flatMap { $0.corners.map { $0.description } }
        listeners = try Listeners(
            [
                ("listen/udp", settings.listen.udp), ("listen/dtls", settings.listen.dtls),
                ("listen/nat_discovery", corners),
            ],
            kind: .datagram
        )
        streamListeners = try Listeners(
            [("listen/tcp", settings.listen.tcp), ("listen/tls", settings.listen.tls)],
            kind: .stream
        )
        if listeners.addresses.isEmpty && streamListeners.addresses.isEmpty {
            throw StartProblem("listen/udp, listen/tcp: no address to listen on")
        }
        if settings.listen.sharesHTTP, settings.sharedWebServer == nil {
            throw StartProblem("listen/share_http: needs control/http")
        }
        relay = try RelayAddresses(settings.relay)
        let directory = try StateDirectory(named: state)
        var secrets = settings.auth.secrets.map(\.value)
        usesOwnSecret = secrets.isEmpty && settings.auth.isRequired
        if usesOwnSecret { secrets = [try directory.valueMadeIfAbsent(of: .secret)] }
        self.state = directory
        var server = try ServerConfiguration(settings, relay: relay, secrets: secrets)
        server.deny(machine: NetworkInterfaces.addresses())
        self.server = server
        control = try ControlPlan(
            settings,
            state: directory,
            // Where nothing has to be proved, any secret will do.
            turn: (
                listeners.addresses, streamListeners.addresses,
                secrets.first ?? hexadecimal(randomBytes(16))
            ),
            processors: processors
        )
        self.warnings += listeners.warnings + streamListeners.warnings + processors.warnings
        try findShortages()
    }

    /// How many relay threads there will be.
    var threadCount: Int { processors.ofThreads.count }

    private mutating func findShortages() throws {
        let shortage = try DescriptorLimit.raise(
            listeners: threadCount
                * (listeners.addresses.count + streamListeners.addresses.count + 4),
            allocations: min(settings.limits.allocations, relay.bound.count * server.ports.count)
        )
        if let shortage { warnings.append(shortage) }
        warnings += state.secretsReadableByOthers.map {
            "\($0): others can read this; chmod 600 it"
        }
        if settings.server.isDraining {
            warnings.append("server/draining is 1: no new allocations are made")
        }
        if settings.server.redirect == "always" && settings.server.alternates.isEmpty {
            warnings.append("server/redirect is always, but server/alternates names no server")
        }
        if !settings.auth.isRequired {
            warnings.append("auth/required is 0: anybody who reaches this server can relay")
        }
        if relay.isLoopbackForWantOfRoute {
            warnings.append(
                "no route leads out of this machine: relaying on \(relay.preferred), "
                    + "for local programs only"
            )
        }
    }
}
