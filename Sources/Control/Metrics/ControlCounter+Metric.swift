/// What the counters of the control plane are, in words.

extension ControlCounter {
    /// What is counted, for `# HELP`.
    var help: String {
        switch self {
        case .requests: "HTTP requests."
        case .httpErrors: "HTTP requests answered with 4xx or 5xx."
        case .connectionsRefused: "Connections refused because of a limit."
        case .webSocketsOpened: "WebSockets opened."
        case .webSocketErrors: "WebSockets ended by an error or a broken rule."
        case .registrations: "Clients that registered in a room's signalling."
        case .messagesRelayed: "Messages handed to another client."
        case .messagesQueued: "Messages kept for a client that had not registered yet."
        case .messagesRefused: "Messages refused."
        case .joins: "Participants who joined a room."
        case .joinsFull: "Joins refused because the room was full."
        case .leaves: "Participants who left."
        case .seatsFreed: "Seats freed because the participant was lost."
        case .credentialsIssued: "TURN credentials issued."
        case .credentialsRefused: "TURN credentials refused."
        case .connections: "Connections open."
        case .openWebSockets: "WebSockets open."
        case .registered: "Clients registered."
        case .rooms: "Rooms there are."
        case .participants: "Participants in rooms."
        }
    }
}
