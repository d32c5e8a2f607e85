/// What the control plane counts; the one list behind `/metrics` and `/status`.

import Exchange

/// A fact about the control plane that is counted, with what it is in words.
enum ControlCounter: String, CaseIterable {
    case requests = "HTTP requests."
    case httpErrors = "HTTP requests answered with 5xx."
    case connectionsRefused = "Connections refused because of a limit."
    case webSocketsOpened = "WebSockets opened."
    case webSocketErrors = "WebSockets ended by an error or a broken rule."
    case registrations = "Clients that registered in a room's signalling."
    case messagesRelayed = "Messages handed to another client."
    case messagesQueued = "Messages kept for a client that had not registered yet."
    case messagesRefused = "Messages refused."
    case joins = "Participants who joined a room."
    case joinsFull = "Joins refused because the room was full."
    case leaves = "Participants who left."
    case seatsFreed = "Seats freed because the participant was lost."
    case credentialsIssued = "TURN credentials issued."
    case credentialsRefused = "TURN credentials refused."
    // Gauges: what there is now.
    case connections = "Connections open."
    case openWebSockets = "WebSockets open."
    case registered = "Clients registered."
    case rooms = "Rooms there are."
    case participants = "Participants in rooms."

    /// True for a value that goes up and down.
    var isGauge: Bool {
        [.connections, .openWebSockets, .registered, .rooms, .participants].contains(self)
    }

    /// Its name in metrics, such as `http_errors`.
    var name: String { snakeCased("\(self)") }
}

/// The counters of the control thread; lives on its event loop.
final class ControlCounters {
    private var values: [ControlCounter: Int] = [:]

    /// Adds to a counter.
    func add(_ counter: ControlCounter, _ amount: Int = 1) { self[counter] += amount }

    /// The value now.
    subscript(counter: ControlCounter) -> Int {
        get { values[counter, default: 0] }
        set { values[counter] = newValue }
    }
}
