/// The names of everything a relay thread counts: the one list behind `SIGUSR1`, logs and metrics.

/// A fact about a relay thread that is counted.
///
/// `name` is ready for Prometheus.
public enum RelayCounter: Int, CaseIterable, Sendable {
    // Datagrams and payload bytes, in the four directions.
    case datagramsFromClients, bytesFromClients
    case datagramsToClients, bytesToClients
    case datagramsFromPeers, bytesFromPeers
    case datagramsToPeers, bytesToPeers

    // The loop and the kernel.
    case passes, completions, completionOverflow
    case sends, segmentedSends, segmentationRefused
    case coalescedReceives, receiveRearmed, receiveErrors, buffersExhausted
    // ICMP errors about relayed datagrams, what clients were told of them, and sends that were made again because one
    // was reported in their place.
    case icmpErrors, icmpIndications, sendsRepeated
    case relaysOpened, relaysClosed, relayOpenFailures

    // The protocol. The first three are gauges: what there is now.
    case allocations, permissions, channels
    case answersSuccess, answersError, quotaRefused
    case allocationsMoved

    // Connections of clients. The first is a gauge.
    case connections, connectionsAccepted, connectionsRefused
    case connectionsTimedOut, connectionsEvicted, connectionsBroken
    // Connections joined to one with the web server that shares the port, and those for which there was none.
    case connectionsShared, sharesRefused
    // TLS and DTLS: sessions made, steps of handshakes that waited for those of others, sessions that failed; and
    // hellos of DTLS strangers that were asked for a cookie.
    case handshakes, handshakesDelayed, tlsFailures, dtlsHellos

    // Connections with the peers of TCP allocations. The first is a gauge.
    case peerConnections, peerConnectionsBound, peerConnectionsExpired
    // Those for which there was no place; bytes between them and their clients' data connections.
    case peerConnectionsRefused, bytesJoinedToPeers, bytesJoinedToClients
    // Data connections of clients passed on to the thread they belong to, and those whose way was blocked.
    case connectionsHandedOver, handoversRefused

    // Datagrams dropped, by reason.
    case dropsMalformed
    case dropsNotSTUN
    case dropsUnknownMethod
    case dropsUnexpectedClass
    case dropsKeepAlive
    case dropsUnknownAttribute
    case dropsBadFingerprint
    case dropsRateLimited
    case dropsNoAllocation
    case dropsNoPermission
    case dropsUnboundChannel
    case dropsBadSend
    case dropsBandwidth
    case dropsOversized
    case dropsWrongTransport
    case dropsConnectionLimit
    case dropsStaleConnection
    case dropsICMP
    case dropsReplyOverflow
    case dropsNotLiveRelayedPort
    case dropsNoReplyBuffer
    case dropsNoSendSlot
    case dropsSocketFull
    case dropsUnreachable
    case dropsOtherSendError
    case dropsTruncated
    case dropsConnectionFull
    case dropsHandover

    /// True for a value that goes up and down, false for one that only grows.
    public var isGauge: Bool {
        switch self {
        case .allocations, .permissions, .channels, .connections, .peerConnections: true
        default: false
        }
    }

    /// The name in snake case, such as `datagrams_from_clients` or `drops_not_stun`.
    public var name: String { snakeCased("\(self)") }
}

/// A name of Swift's in the case of metrics: `dropsNotSTUN` is `drops_not_stun`.
public func snakeCased(_ name: String) -> String {
    let letters = Array(name)
    var result = ""
    for (index, letter) in letters.enumerated() {
        let followsLower = index > 0 && letters[index - 1].isLowercase
        if letter.isUppercase && followsLower { result.append("_") }
        result.append(letter.lowercased())
    }
    return result
}
