/// What the areas of the control plane share.

import Exchange
import Logging
import NIOCore

/// The one set of tables, counters and settings; lives on the event loop.
final class ControlContext {
    /// What the plane was told at start.
    let configuration: ControlConfiguration
    /// The relay threads, to count and to ask.
    let relay: RelayView
    /// What is counted.
    let counters = ControlCounters()
    /// The connections there are.
    let connections: Connections
    /// Who may use rooms and sockets from a browser.
    let origins: OriginPolicy
    /// Rooms, and the sockets of those in them.
    let lobby: Lobby
    /// Who may ask for what, and how often.
    let gate: Gate
    /// TURN credentials for those in rooms.
    let ice: ICEServers
    /// How the relay threads are doing.
    let watch: RelayWatch
    /// The one event loop.
    let eventLoop: any EventLoop
    /// When the plane started.
    let started = NIODeadline.now()
    /// True once the plane was told to stop.
    var isStopping = false
    /// Where state changes are logged.
    let log: Logger
    private var lastComplaint: [String: NIODeadline] = [:]

    /// A context on the event loop that calls.
    init(
        _ configuration: ControlConfiguration,
        relay: RelayView,
        eventLoop: any EventLoop,
        log: Logger
    ) {
        self.configuration = configuration
        self.relay = relay
        self.eventLoop = eventLoop
        self.log = log
        connections = Connections(configuration.limits, counters)
        origins = OriginPolicy(configuration.origins)
        gate = Gate(configuration)
        watch = RelayWatch(relay, at: .now())
        let lobby = Lobby(configuration.rooms, counters: counters)
        self.lobby = lobby
        ice = ICEServers(configuration, counters: counters) { client, room in
            lobby.participant(client, in: room) != nil
        }
    }

    /// Time since the start.
    var uptimeSeconds: Double { Double((NIODeadline.now() - started).nanoseconds) / 1e9 }

    /// Logs a problem that may come again and again, at most once a minute.
    ///
    /// - Parameters:
    ///   - subject: What is complained of; one of a few fixed words.
    ///   - text: What is said.
    func complain(of subject: String, _ text: @autoclosure () -> String) {
        let now = NIODeadline.now()
        if let last = lastComplaint[subject], now < last + .minutes(1) { return }
        lastComplaint[subject] = now
        log.warning("\(text())")
    }
}
