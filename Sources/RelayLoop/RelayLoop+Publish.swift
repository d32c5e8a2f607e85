/// The thread's plain counters, shown to other threads once a pass.

internal import Exchange
internal import IOURing
internal import TURN

extension RelayLoop {
    /// Copies the counters of this thread to its block; relaxed stores, single writer.
    func publish() {
        publishDatagrams()
        publishLoop()
        // Lent to be changed, or each counter read would copy them all.
        var server = memory.engine.serverStatistics
        publish(&server)
        publishDrops(&server)
        publishConnections()
    }

    private func publishConnections() {
        let statistics = memory.engine.connections.statistics
        counters.set(.connections, to: UInt64(memory.engine.connections.count))
        counters.set(.connectionsAccepted, to: statistics.accepted)
        counters.set(.connectionsRefused, to: statistics.refused)
        counters.set(.connectionsTimedOut, to: statistics.timedOut)
        counters.set(.connectionsEvicted, to: statistics.evicted)
        counters.set(.connectionsBroken, to: statistics.broken)
        counters.set(.peerConnectionsRefused, to: statistics.peersRefused)
        counters.set(.bytesJoinedToPeers, to: statistics.bytesJoinedToPeers)
        counters.set(.bytesJoinedToClients, to: statistics.bytesJoinedToClients)
        counters.set(.connectionsShared, to: statistics.shared)
        counters.set(.sharesRefused, to: statistics.sharesRefused)
        counters.set(.connectionsHandedOver, to: statistics.handedOver)
        counters.set(.handoversRefused, to: statistics.handoversRefused)
        counters.set(.handshakes, to: memory.engine.security.handshakes)
        counters.set(.handshakesDelayed, to: memory.engine.security.delayed)
        counters.set(.dtlsHellos, to: memory.engine.security.hellos)
        counters.set(.tlsFailures, to: memory.engine.security.failures)
        counters.set(.dropsConnectionFull, to: statistics.dropsConnectionFull)
    }

    private func publishDatagrams() {
        let statistics = memory.engine.statistics
        counters.set(.datagramsFromClients, to: statistics.datagramsFromClients)
        counters.set(.bytesFromClients, to: statistics.bytesFromClients)
        counters.set(.datagramsToClients, to: statistics.datagramsToClients)
        counters.set(.bytesToClients, to: statistics.bytesToClients)
        counters.set(.datagramsFromPeers, to: statistics.datagramsFromPeers)
        counters.set(.bytesFromPeers, to: statistics.bytesFromPeers)
        counters.set(.datagramsToPeers, to: statistics.datagramsToPeers)
        counters.set(.bytesToPeers, to: statistics.bytesToPeers)
        counters.set(.coalescedReceives, to: statistics.coalescedReceives)
        counters.set(.sends, to: statistics.sends)
        counters.set(.segmentedSends, to: statistics.segmentedSends)
        counters.set(.segmentationRefused, to: statistics.segmentationRefused)
        counters.set(.icmpErrors, to: statistics.icmpErrors)
        counters.set(.icmpIndications, to: statistics.icmpIndications)
        counters.set(.sendsRepeated, to: statistics.sendsRepeated)
    }

    private func publishLoop() {
        counters.set(.passes, to: passes)
        counters.set(.completions, to: completions)
        counters.set(.completionOverflow, to: UInt64(memory.ring.overflowCount))
        counters.set(.receiveRearmed, to: receives.rearms)
        counters.set(.receiveErrors, to: receiveErrors)
        counters.set(.buffersExhausted, to: buffersExhausted)
        counters.set(.relaysOpened, to: sockets.opens)
        counters.set(.relaysClosed, to: sockets.closes)
        counters.set(.relayOpenFailures, to: sockets.openFailures)
        counters.set(.quotaRefused, to: sockets.quotaRefusals)
    }

    private func publish(_ server: inout TURN.Statistics) {
        counters.set(.allocations, to: server.allocations)
        counters.set(.permissions, to: server.permissions)
        counters.set(.channels, to: server.channels)
        counters.set(.peerConnections, to: server.tcpConnections)
        counters.set(.peerConnectionsBound, to: server.tcpConnectionsBound)
        counters.set(.peerConnectionsExpired, to: server.tcpConnectionsExpired)
        counters.set(.answersSuccess, to: server.successes &+ server.bindings)
        counters.set(.answersError, to: server.allErrors)
        counters.set(.allocationsMoved, to: server.moves)
    }

    private func publishDrops(_ server: inout TURN.Statistics) {
        let statistics = memory.engine.statistics
        counters.set(.dropsTruncated, to: statistics.dropsTruncated)
        counters.set(.dropsNotLiveRelayedPort, to: statistics.dropsNotLiveRelayedPort)
        counters.set(.dropsNoReplyBuffer, to: statistics.dropsNoReplyBuffer)
        counters.set(.dropsNoSendSlot, to: statistics.dropsNoSendSlot)
        counters.set(.dropsSocketFull, to: statistics.dropsSocketFull)
        counters.set(.dropsUnreachable, to: statistics.dropsUnreachable)
        counters.set(.dropsOtherSendError, to: statistics.dropsOtherSendError)
        counters.set(.dropsHandover, to: statistics.dropsHandover)
        var number: UInt8 = 0
        while let reason = DropReason(rawValue: number) {
            counters.set(reason.counter, to: server.drops(reason))
            number += 1
        }
    }
}

extension DropReason {
    /// The shared counter of this reason.
    var counter: RelayCounter {
        switch self {
        case .malformed: .dropsMalformed
        case .notSTUN: .dropsNotSTUN
        case .unknownMethod: .dropsUnknownMethod
        case .unexpectedClass: .dropsUnexpectedClass
        case .keepAlive: .dropsKeepAlive
        case .unknownAttribute: .dropsUnknownAttribute
        case .badFingerprint: .dropsBadFingerprint
        case .rateLimited: .dropsRateLimited
        case .noAllocation: .dropsNoAllocation
        case .noPermission: .dropsNoPermission
        case .unboundChannel: .dropsUnboundChannel
        case .badSend: .dropsBadSend
        case .bandwidth: .dropsBandwidth
        case .oversized: .dropsOversized
        case .wrongTransport: .dropsWrongTransport
        case .connectionLimit: .dropsConnectionLimit
        case .staleConnection: .dropsStaleConnection
        case .icmp: .dropsICMP
        case .replyOverflow: .dropsReplyOverflow
        }
    }
}
