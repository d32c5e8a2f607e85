import Exchange
import Glibc
import IOURing
import STUN
import TURN
import Testing

@testable import RelayLoop

/// IP header fields across the relay (RFC 8656 14 and 15): DSCP and ECN, and who may not be fragmented.
@Suite(.serialized) struct HeaderFieldTests {
    /// DSCP EF with each ECN codepoint, and ECN alone.
    private static let classes: [UInt8] = [0, 1, 2, 3, 46 << 2, 46 << 2 | 1, 46 << 2 | 3, 0]

    @Test func dscpAndECNAreCarriedAcrossBothWays() throws {
        let relay = try LoopbackRelay()
        let client = try LoopbackClient(relay)
        let far = try #require(client.socket as? FarSocket)
        let peer = try FarSocket(relay.peerHost)
        let relayed = try client.connect(to: peer.address)
        for trafficClass in Self.classes {
            try far.mark(trafficClass)
            try client.send([trafficClass])
            #expect(peer.receive() == [trafficClass])
            #expect(peer.trafficClass == trafficClass)
            try client.indicate([trafficClass, 1], to: peer.address)
            #expect(peer.receive() == [trafficClass, 1])
            #expect(peer.trafficClass == trafficClass)
            try peer.mark(trafficClass)
            try peer.send([trafficClass], to: relayed)
            #expect(far.receive() == LoopbackClient.channelData([trafficClass]))
            #expect(far.trafficClass == trafficClass)
        }
    }

    @Test func answersAreNotMarked() throws {
        let relay = try LoopbackRelay()
        let client = try LoopbackClient(relay)
        let far = try #require(client.socket as? FarSocket)
        try far.mark(46 << 2 | 1)
        #expect(try client.allocate().relayed != nil)
        #expect(far.trafficClass == 0)
    }

    @Test func trainsOfDifferentClassesKeepOrderAndClass() throws {
        let relay = try LoopbackRelay()
        let client = try LoopbackClient(relay)
        let far = try #require(client.socket as? FarSocket)
        let peer = try FarSocket(relay.peerHost)
        let relayed = try client.connect(to: peer.address)
        for trafficClass in Self.classes {
            let train = (0..<10).map { [UInt8](repeating: $0 &+ 16 &* trafficClass, count: 500) }
            try peer.mark(trafficClass)
            try peer.send(train.flatMap(\.self), to: relayed, segmentSize: 500)
        }
        for trafficClass in Self.classes {
            for number in UInt8(0)..<10 {
                let data = [UInt8](repeating: number &+ 16 &* trafficClass, count: 500)
                #expect(far.receive() == LoopbackClient.channelData(data))
                #expect(far.trafficClass == trafficClass)
            }
        }
        relay.stop()
        #expect(relay.value(.segmentedSends) >= UInt64(Self.classes.count))
    }

    @Test func theTrafficClassOfOneFamilyIsThatOfTheOther() throws {
        let relay = try LoopbackRelay {
            $0.server.relayIPv6 = TransportAddress(SocketAddress.loopback(.ipv6)).ip
            $0.server.deny = []
            $0.server.allow += [AddressPrefix("::1/128")].compactMap(\.self)
        }
        let client = try LoopbackClient(relay)
        let far = try #require(client.socket as? FarSocket)
        let answer = try client.allocate([(.requestedAddressFamily, .uint32(2 << 24))])
        let relayed = try #require(answer.relayed)
        let peer = try FarSocket(.loopback(.ipv6))
        try client.bind(0x4000, to: peer.address)
        for trafficClass in Self.classes {
            try far.mark(trafficClass)
            try client.send([trafficClass])
            #expect(peer.receive() == [trafficClass])
            #expect(peer.trafficClass == trafficClass)
            try peer.mark(trafficClass)
            try peer.send([trafficClass], to: relayed)
            #expect(far.receive() == LoopbackClient.channelData([trafficClass]))
            #expect(far.trafficClass == trafficClass)
        }
    }

    @Test func aConfiguredDSCPReplacesTheOneThatCameButNotECN() throws {
        let relay = try LoopbackRelay { $0.trafficClasses = .marked(dscp: 34) }
        let client = try LoopbackClient(relay)
        let far = try #require(client.socket as? FarSocket)
        let peer = try FarSocket(relay.peerHost)
        let relayed = try client.connect(to: peer.address)
        for trafficClass in Self.classes {
            try far.mark(trafficClass)
            try client.send([1])
            #expect(peer.receive() == [1])
            #expect(peer.trafficClass == 34 << 2 | trafficClass & 3)
            try peer.mark(trafficClass)
            try peer.send([2], to: relayed)
            #expect(far.receive() == LoopbackClient.channelData([2]))
            #expect(far.trafficClass == 34 << 2 | trafficClass & 3)
        }
    }

    /// RFC 8656 15: what comes over TCP leaves with a DSCP of best effort, or the configured one, and as Not-ECT.
    @Test(arguments: [nil, 34] as [UInt8?])
    func whatComesOverTCPHasNoMarksOfItsOwn(_ dscp: UInt8?) throws {
        let relay = try LoopbackRelay.withTCP {
            if let dscp { $0.trafficClasses = .marked(dscp: dscp) }
        }
        let expected = (dscp ?? 0) << 2
        let stream = try FarStream(to: relay.address)
        let client = LoopbackClient(over: stream, relay)
        let peer = try FarSocket(relay.peerHost)
        _ = try client.connect(to: peer.address)
        for trafficClass in Self.classes {
            var value = Int32(trafficClass)
            try #require(setsockopt(stream.descriptor, Int32(IPPROTO_IP), IP_TOS, &value, 4) == 0)
            try client.send([trafficClass])
            #expect(peer.receive() == [trafficClass])
            #expect(peer.trafficClass == expected)
            try client.indicate([trafficClass, 1], to: peer.address)
            #expect(peer.receive() == [trafficClass, 1])
            #expect(peer.trafficClass == expected)
        }
    }

    /// Symptom: once a client had asked for DF, all that it sent from then on was lost where it was too large.
    @Test(arguments: [false, true])
    func dontFragmentIsAboutOneDatagram(_ isOverTCP: Bool) throws {
        let relay = try LoopbackRelay.withTCP()
        let client =
            isOverTCP
            ? LoopbackClient(over: try FarStream(to: relay.address), relay)
            : try LoopbackClient(relay)
        let peer = try FarSocket(relay.peerHost)
        _ = try #require(try client.allocate().relayed)
        try client.permit(peer.address)
        // Small enough for the path: it arrives, before what was sent after it.
        for number in UInt8(0)..<6 {
            try client.indicate([number], to: peer.address, isDontFragment: number % 2 == 1)
        }
        for number in UInt8(0)..<6 { #expect(peer.receive() == [number]) }
        // Loopback carries 65 536 bytes, so that nothing is too large for it.
        relay.stop()
        #expect(relay.value(.datagramsToPeers) == 6)
        #expect(relay.value(.dropsOtherSendError) == 0)
    }
}
