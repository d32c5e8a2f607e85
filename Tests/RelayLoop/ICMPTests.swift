import Exchange
import IOURing
import STUN
import TURN
import Testing

@testable import RelayLoop

/// ICMP errors about relayed datagrams, on a real relay thread (RFC 8656 11.5).
@Suite(.serialized) struct ICMPTests {
    @Test func clientIsToldOfAPortThatNobodyHas() throws {
        let relay = try LoopbackRelay()
        let client = try LoopbackClient(relay)
        let nobody = try FarSocket(relay.peerHost).address
        _ = try client.allocate()
        try client.permit(nobody)
        try client.indicate([1], to: nobody)
        let told = try #require(client.socket.receive())
        #expect(ICMPReport(told) == ICMPReport(peer: nobody, kind: 3 << 9 | 3, data: 0))
        relay.stop()
        #expect(relay.value(.icmpErrors) == 1)
        #expect(relay.value(.icmpIndications) == 1)
        #expect(relay.value(.receiveErrors) == 0)
    }

    @Test func clientIsToldOverIPv6() throws {
        let relay = try LoopbackRelay {
            $0.server.relayIPv6 = TransportAddress(SocketAddress.loopback(.ipv6)).ip
            $0.server.deny = []
            $0.server.allow += [AddressPrefix("::1/128")].compactMap(\.self)
        }
        let client = try LoopbackClient(relay)
        _ = try client.allocate([(.requestedAddressFamily, .uint32(2 << 24))])
        let nobody = try FarSocket(.loopback(.ipv6)).address
        try client.bind(0x4000, to: nobody)
        try client.send([1])
        let told = try #require(client.socket.receive())
        #expect(ICMPReport(told) == ICMPReport(peer: nobody, kind: 1 << 9 | 4, data: 0))
    }

    @Test func clientIsToldOverTCP() throws {
        let relay = try LoopbackRelay.withStreams()
        let client = try LoopbackClient(over: FarStream(to: relay.address), relay)
        let nobody = try FarSocket(relay.peerHost).address
        _ = try client.connect(to: nobody)
        try client.send([1, 2, 3])
        let told = try #require(client.socket.receive())
        #expect(ICMPReport(told) == ICMPReport(peer: nobody, kind: 3 << 9 | 3, data: 0))
    }

    /// Symptom: the kernel reports that one peer is gone in place of the next send, to whomever that goes.
    @Test(arguments: [true, false])
    func peerThatIsGoneCostsTheOthersNothing(isDontFragment: Bool) throws {
        let relay = try LoopbackRelay()
        let start = ContinuousClock.now
        let client = try LoopbackClient(relay)
        let peer = try FarSocket(relay.peerHost)
        let gone = try FarSocket(relay.peerHost).address
        let goneToo = try FarSocket(relay.peerHost).address
        let relayed = try #require(try client.allocate().relayed)
        try client.permit(peer.address)
        for number in UInt8(0)..<200 {
            try client.indicate([number], to: gone)
            // One behind the other in their own sends, as their sizes differ.
            try client.indicate([number, 0], to: goneToo)
            try client.indicate([number], to: peer.address, isDontFragment: isDontFragment)
            try client.indicate([number, 0, 0], to: gone)
            if number % 20 == 19 {
                try #require(
                    relay.wait { relay.value(.datagramsToPeers) == 4 * (UInt64(number) + 1) }
                )
            }
        }
        var seen = Set<UInt8>()
        for _ in 0..<200 { seen.insert(try #require(peer.receive()).first ?? 255) }
        #expect(seen == Set(0..<200))
        // What was told comes in before the peer's answer; errors that were read later are told behind it.
        try peer.send([7], to: relayed)
        var told = 0
        while let bytes = client.socket.receive(), LoopbackClient.indicated(bytes) == nil {
            #expect([gone, goneToo].contains(try #require(ICMPReport(bytes)).peer))
            told += 1
        }
        relay.stop()
        while let bytes = client.socket.receive(milliseconds: 100) {
            #expect([gone, goneToo].contains(try #require(ICMPReport(bytes)).peer))
            told += 1
        }
        // No more than may be: so many at once, and so many in a second.
        let seconds = Int((ContinuousClock.now - start).components.seconds) + 1
        #expect((16...16 + 4 * seconds).contains(told))
        #expect(relay.value(.icmpIndications) == UInt64(told))
        #expect(
            relay.value(.icmpErrors) == relay.value(.icmpIndications) + relay.value(.dropsICMP)
        )
        #expect(relay.value(.sendsRepeated) > 0)
        #expect(relay.value(.dropsUnreachable) == 0)
        #expect(relay.value(.dropsOtherSendError) == 0)
        #expect(relay.value(.receiveErrors) == 0)
    }

    @Test func nobodyIsToldWhoseAllocationHasEnded() throws {
        let relay = try LoopbackRelay()
        let client = try LoopbackClient(relay)
        let gone = try FarSocket(relay.peerHost).address
        for _ in 0..<20 {
            _ = try client.allocate()
            try client.permit(gone)
            try client.indicate([1], to: gone)
            let answer = try client.refreshToNothing()
            #expect(answer.messageClass == .success)
        }
        // The thread goes on, and what it holds is given back.
        let peer = try FarSocket(relay.peerHost)
        _ = try client.connect(to: peer.address)
        try client.send([1])
        #expect(peer.receive() == [1])
        #expect(relay.wait { relay.value(.relaysClosed) == 20 })
    }
}

/// What a Data indication with an ICMP attribute says.
private struct ICMPReport: Equatable {
    var peer: SocketAddress
    /// 7 bits of type, 9 of code.
    var kind: UInt32
    var data: UInt32

    init(peer: SocketAddress, kind: UInt32, data: UInt32) {
        self.peer = peer
        self.kind = kind
        self.data = data
    }

    /// Nil for anything else, and with a DATA attribute.
    init?(_ bytes: [UInt8]) {
        guard let message = Message(bytes.span.bytes),
            message.type == MessageType(.data, .indication), message.first(.data) == nil,
            let attribute = message.first(.xorPeerAddress),
            let peer = message.xorAddress(attribute),
            let value = message.first(.icmp).flatMap({ message.uint64($0) })
        else { return nil }
        self.peer = SocketAddress(peer)
        kind = UInt32(value >> 32)
        data = UInt32(truncatingIfNeeded: value)
    }
}
