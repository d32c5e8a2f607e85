/// What the control plane counts; the one list behind `/metrics` and `/status`.

/// A fact about the control plane that is counted.
enum ControlCounter: String, CaseIterable {
    case requests, httpErrors, connectionsRefused
    case webSocketsOpened, webSocketErrors, registrations
    case messagesRelayed, messagesQueued, messagesRefused
    case joins, joinsFull, leaves, seatsFreed
    case credentialsIssued, credentialsRefused

    // Gauges: what there is now.
    case connections, openWebSockets, registered, rooms, participants

    /// True for a value that goes up and down.
    var isGauge: Bool {
        switch self {
        case .connections, .openWebSockets, .registered, .rooms, .participants: true
        default: false
        }
    }
}

/// The counters of the control thread; lives on its event loop.
final class ControlCounters {
    private var values = [Int](repeating: 0, count: ControlCounter.allCases.count)

    /// Adds to a counter.
    func add(_ counter: ControlCounter, _ amount: Int = 1) { self[counter] += amount }

    /// The value now.
    subscript(counter: ControlCounter) -> Int {
        get { values[Self.positions[counter] ?? 0] }
        set { values[Self.positions[counter] ?? 0] = newValue }
    }

    private static let positions = Dictionary(
        uniqueKeysWithValues: ControlCounter.allCases.enumerated().map { ($1, $0) }
    )
}
