import Glibc
import IOURing
import STUN
import TURN
import Testing

@testable import RelayLoop

/// RFC 5780 with the sockets that it is about.
@Suite struct NATDiscoveryTests {
    /// A relay with two more addresses for four sockets, and the corners in the order of `CrossedAddresses`.
    private func relay() throws -> (LoopbackRelay, [SocketAddress]) {
        var corners: [SocketAddress] = []
        let relay = try LoopbackRelay(threads: 2) { configuration in
            let first = configuration.listeners[0]
            // A relay has four addresses; this is the third.
            let host = IPAddress(ipv4: UInt32(truncatingIfNeeded: first.ip.low) + 2)
            let second = TransportAddress(ip: host, port: first.port + 1)
            let crossed = CrossedAddresses(first, second)
            configuration.server.natDiscovery = [crossed].compactMap { $0 }
            // Not in the order of the corners, and with the first there already.
            configuration.listeners += crossed?.corners.reversed().filter { $0 != first } ?? []
            corners = crossed?.corners.map(SocketAddress.init) ?? []
        }
        return (relay, corners)
    }

    /// The address in an answer's attribute.
    private func address(_ type: AttributeType, in answer: [UInt8]) -> SocketAddress? {
        guard let message = Message(answer.span.bytes), let attribute = message.first(type) else {
            return nil
        }
        return message.address(attribute).map(SocketAddress.init)
    }

    @Test func answersComeFromTheSocketThatIsAskedFor() throws {
        let (relay, corners) = try relay()
        let client = try LoopbackClient(relay)
        let socket = try FarSocket(relay.address)
        for (index, corner) in corners.enumerated() {
            for (flags, change) in [(0, 0), (2, 1), (4, 2), (6, 3)] as [(UInt32, Int)] {
                let request = client.message(
                    .binding,
                    .request,
                    TransactionID(high: 9, low: UInt64(index)),
                    [(.changeRequest, .uint32(flags))]
                )
                try socket.send(request, to: corner)
                let (answer, source) = try #require(socket.receiveWithSource())
                #expect(source == corners[index ^ change])
                #expect(address(.responseOrigin, in: answer) == source)
                #expect(address(.otherAddress, in: answer) == corners[index ^ 3])
            }
        }
    }

    @Test func answersGoToThePortThatIsAskedFor() throws {
        let (relay, _) = try relay()
        let client = try LoopbackClient(relay)
        let asking = try FarSocket(relay.address)
        let waiting = try FarSocket(relay.address)
        let request = client.message(
            .binding,
            .request,
            TransactionID(high: 9, low: 9),
            [(.responsePort, .uint32(UInt32(waiting.address.port) << 16))]
        )
        try asking.send(request, to: relay.address)
        #expect(waiting.receiveWithSource()?.source == relay.address)
        #expect(asking.receive(milliseconds: 50) == nil)
    }

    @Test func paddedAnswersArriveWhole() throws {
        let (relay, corners) = try relay()
        let client = try LoopbackClient(relay)
        let socket = try FarSocket(relay.address)
        let request = client.message(
            .binding,
            .request,
            TransactionID(high: 9, low: 9),
            [
                (.changeRequest, .uint32(6)),
                (.padding, .bytes([UInt8](repeating: 1, count: 1500))),
            ]
        )
        try socket.send(request, to: relay.address)
        let (answer, source) = try #require(socket.receiveWithSource())
        #expect(source == corners[3])
        #expect(answer.count > 1500)
    }
}

extension FarSocket {
    /// The next datagram with its source, which is IPv4; `nil` when none comes.
    fileprivate func receiveWithSource() -> (bytes: [UInt8], source: SocketAddress)? {
        var poll = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        guard Glibc.poll(&poll, 1, 30_000) == 1 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 4096)
        var name = sockaddr_in()
        var count = socklen_t(MemoryLayout<sockaddr_in>.size)
        let received = withUnsafeMutableBytes(of: &name) {
            recvfrom(
                socket,
                &bytes,
                bytes.count,
                0,
                $0.baseAddress?.assumingMemoryBound(to: sockaddr.self),
                &count
            )
        }
        guard received >= 0 else { return nil }
        let host = UInt32(bigEndian: name.sin_addr.s_addr)
        let port = UInt16(bigEndian: name.sin_port)
        return (Array(bytes.prefix(received)), SocketAddress(ipv4: host, port: port))
    }
}
