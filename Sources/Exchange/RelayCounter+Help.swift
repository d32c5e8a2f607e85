/// What relay threads count, in words.

extension RelayCounter {
    /// What is counted, in one line for people who watch; only the name again where the name says it all.
    public var help: String {
        switch self {
        case .passes: "Passes of the relay loop; at least two a second."
        case .completions: "Completions of the kernel that were handled."
        case .completionOverflow: "Completions that the kernel had no room for."
        case .sends: "Sends that the kernel took."
        case .segmentedSends: "Sends of several datagrams in one piece (UDP GSO)."
        case .segmentationRefused: "Segmented sends that the kernel refused."
        case .coalescedReceives: "Receives of several datagrams in one piece (UDP GRO)."
        case .receiveRearmed: "Receives that had to be armed again."
        case .receiveErrors: "Receives and sockets that failed."
        case .buffersExhausted: "Receives that ended because no buffer was free."
        case .icmpErrors: "ICMP errors about relayed datagrams."
        case .icmpIndications: "ICMP errors that clients were told of."
        case .sendsRepeated: "Sends made again after the error of an earlier datagram."
        case .relaysOpened: "Relayed sockets opened."
        case .relaysClosed: "Relayed sockets closed."
        case .relayOpenFailures: "Relayed sockets that could not be opened."
        case .allocations: "Allocations there are."
        case .permissions: "Permissions there are."
        case .channels: "Channels there are."
        case .answersSuccess: "Success responses, to Binding requests too."
        case .answersError: "Error responses."
        case .allocationsMoved: "Allocations taken to another address by their clients."
        case .quotaRefused: "Allocations refused because of a quota."
        case .connections: "Connections of clients there are."
        case .connectionsAccepted: "Connections of clients accepted."
        case .connectionsRefused: "Connections of clients refused because of a limit."
        case .connectionsTimedOut: "Connections of clients ended because nothing came in time."
        case .connectionsEvicted: "Connections of clients ended to make room for others."
        case .connectionsBroken: "Connections of clients ended by an error."
        case .handshakes: "TLS and DTLS sessions made."
        case .handshakesDelayed: "Steps of handshakes that waited for a later pass."
        case .tlsFailures: "TLS and DTLS sessions that failed."
        case .peerConnections: "Connections with peers of TCP allocations there are."
        case .peerConnectionsBound: "Connections with peers that a client took."
        case .peerConnectionsExpired: "Connections with peers that no client took in time."
        case .dtlsHellos: "Hellos of DTLS strangers that were asked for a cookie."
        case .peerConnectionsRefused: "Connections with peers that found no place or no permission."
        case .connectionsHandedOver: "Data connections that went to another relay thread."
        case .handoversRefused: "Data connections that found the other thread's mailbox full."
        default: "Counts \(name)."
        }
    }
}
