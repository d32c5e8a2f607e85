/// What the server says about itself when it is ready.

import Control
import RelayLoop
import STUN
import TURN
import Tunables

/// The facts of a start, for a person or for a log.
struct Banner {
    private let plan: StartPlan
    /// The command that prints credentials for this very server, and the one that asks it how it is doing.
    private let credentials: String, status: String

    init(_ plan: StartPlan, _ options: ConfigurationOptions) {
        self.plan = plan
        let program = CommandLine.arguments.first ?? "turnpike"
        var places: [String] = []
        if let directory = options.directory { places += ["--config", directory] }
        if let state = options.state { places += ["--state", state] }
        credentials = ([program, "credentials"] + places).joined(separator: " ")
        status = ([program, "status"] + places).joined(separator: " ")
    }

    /// Lines for a terminal.
    var text: String {
        var lines = ["turnpike \(turnpikeVersion) is ready"]
        for (name, value) in rows {
            lines.append("  \(name.padded(to: 12))\(value)")
        }
        return lines.joined(separator: "\n")
    }

    /// Fields for a log.
    var fields: [(name: String, value: String)] {
        [
            ("version", turnpikeVersion),
            ("udp", joined(plan.listeners.addresses.map(\.description))),
            ("tcp", joined(plan.streamListeners.addresses.map(\.description))),
            ("relay", joined(plan.relay.bound.map(\.description))),
            ("external", joined(plan.relay.advertised.map(\.description))),
            ("ports", ports),
            ("http", joined(plan.control.configuration.http.map(\.description))),
            ("https", joined(plan.control.configuration.https.map(\.description))),
            ("admin", plan.control.configuration.adminSocket),
            ("threads", "\(plan.threadCount)"),
            ("cpus", joined(plan.processors.ofThreads.map(\.description))),
        ]
    }

    private var rows: [(String, String)] {
        var rows = [
            (
                "listening",
                (plan.tls.datagram == nil ? "UDP " : "UDP and DTLS ")
                    + joined(plan.listeners.addresses.map(\.description))
            ),
            ("relaying", relaying),
            ("reach", reach),
            ("threads", threads),
        ]
        if !plan.streamListeners.addresses.isEmpty { rows.insert(("", streams), at: 1) }
        if plan.usesOwnSecret { rows.append(("secret", plan.state.secretPath)) }
        if plan.settings.auth.isRequired {
            rows.append(("credentials", credentials + " --user alice --ttl 1h"))
            rows.append(("browser", "iceServers: [ … ] from: \(credentials) --json"))
        }
        let pages = plan.control.pages(outside: plan.relay.preferred)
        if let page = pages.first {
            rows.append(("call page", joined(pages)))
            rows.append(("live page", "\(page)live (admin token: \(adminToken))"))
        }
        if !plan.control.configuration.adminSocket.isEmpty { rows.append(("admin", status)) }
        if let trial { rows.append(("try it", trial)) }
        return rows
    }

    private var streams: String {
        let protocols = plan.tls.stream == nil ? "TCP " : "TCP and TLS "
        return protocols + joined(plan.streamListeners.addresses.map(\.description))
    }

    /// How to get the admin token; never the token itself.
    private var adminToken: String {
        if !plan.settings.control.adminToken.isEmpty { return "control/admin_token" }
        return "cat \(plan.state.path(of: .adminToken))"
    }

    private var ports: String {
        "\(plan.settings.relay.ports.lowerBound)-\(plan.settings.relay.ports.upperBound)"
    }

    private var relaying: String {
        let relay = plan.relay
        let isTranslated = relay.advertised != relay.bound
        let advertised = joined(relay.advertised.map(\.description))
        let outside = isTranslated ? ", told to clients as \(advertised)" : ""
        return "on \(joined(relay.bound.map(\.description))) ports \(ports)\(outside)"
    }

    /// Who can be a peer, from where the relay addresses are.
    private var reach: String {
        let local = plan.relay.advertised.filter { !PeerPolicy().allows($0) }
        if local.isEmpty { return "peers and clients anywhere; the firewall must let UDP in" }
        let advice = "behind a NAT name its outside in relay/external_address"
        if local.allSatisfy(\.isLoopback) { return "programs on this machine only; \(advice)" }
        return "only networks that reach \(joined(local.map(\.description))); \(advice)"
    }

    private var threads: String {
        let cpus = plan.processors.ofThreads.map(\.description)
        let noun = cpus.count == 1 ? "relay thread on CPU" : "relay threads on CPUs"
        return "\(cpus.count) \(noun) \(joined(cpus)) of \(plan.processors.usable)"
    }

    /// A command of the coturn package that relays between two allocations of this server.
    private var trial: String? {
        guard plan.usesOwnSecret, let listener = plan.listeners.addresses.first else { return nil }
        return "turnutils_uclient -y -s -u me -W \"$(cat \(plan.state.secretPath))\" "
            + "-p \(listener.port) \(listener.ip)"
    }

    private func joined(_ words: [String]) -> String { words.joined(separator: " ") }
}

extension String {
    /// The text, with spaces after it up to a width.
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(width - count, 1))
    }
}
