import Glibc
import Testing

@testable import IOURing

/// ICMP errors that wait with a socket.
@Suite struct QueuedErrorTests {
    @Test(arguments: [SocketAddress.Family.ipv4, .ipv6])
    func portUnreachableIsQueuedOnce(_ family: SocketAddress.Family) throws {
        let nobody = try Self.nobody(family)
        let socket = try Self.open(family)
        #expect(socket.takeError() == nil)
        #expect(Self.send(from: socket.descriptor, to: nobody) == 1)
        let expected = QueuedError.icmp(
            type: family == .ipv4 ? 3 : 1,
            code: family == .ipv4 ? 3 : 4,
            information: 0,
            destination: nobody
        )
        Self.awaitError(of: socket.descriptor)
        #expect(socket.takeError() == expected)
        #expect(socket.takeError() == nil)
        // The last one was taken, so that nothing is left to be answered.
        #expect(Self.send(from: socket.descriptor, to: nobody) == 1)
    }

    @Test func whatThisMachineRefusesIsNotICMP() throws {
        let receiver = try DatagramSocket(boundTo: .loopback(.ipv6)).localAddress()
        let socket = try Self.open(.ipv6)
        try socket.setFragmentation(true, family: .ipv6)
        var path: Int32 = 1280
        #expect(
            setsockopt(socket.descriptor, Int32(IPPROTO_IPV6), IPV6_MTU, &path, 4) == 0
        )
        #expect(Self.send(from: socket.descriptor, to: receiver, count: 2000) == -1)
        #expect(socket.takeError() == .local)
        #expect(socket.takeError() == nil)
    }

    @Test func socketsDoNotQueueUnlessAsked() throws {
        let nobody = try Self.nobody(.ipv4)
        let socket = try DatagramSocket(boundTo: .loopback(.ipv4))
        for _ in 0..<3 { #expect(Self.send(from: socket.descriptor, to: nobody) == 1) }
        #expect(socket.takeError() == nil)
    }

    /// The ring's send answers for another destination, and is made again.
    @Test func sendThatAnsweredForAnotherLeavesWhenItIsMadeAgain() throws {
        var harness = try Harness()
        let receiver = try harness.open(file: 0)
        let nobody = try Self.nobody(.ipv4)
        let socket = try Self.open(.ipv4)
        try harness.ring.register(file: socket.descriptor, at: 1)
        #expect(Self.send(from: socket.descriptor, to: nobody) == 1)
        Self.awaitError(of: socket.descriptor)
        try harness.append([1, 2, 3], from: 1, to: receiver)
        try harness.append([4, 5, 6], from: 1, to: receiver)
        harness.batch.seal()
        let pending = harness.batch.nextPending()
        let slot = try #require(pending)
        // In place of the ring, so that the slot stays.
        let refused = harness.batch.sendAgain(slot, from: socket)
        #expect(refused == -ECONNREFUSED)
        #expect(Errno.connectionRefused.isPerhapsOfEarlierDatagram)
        let sent = harness.batch.sendAgain(slot, from: socket)
        #expect(sent == 6)
        _ = harness.batch.complete(slot, result: sent, pool: &harness.pool)
        harness.arm(file: 0)
        let arrived = harness.receives(1)
        #expect(arrived.count == 1)
    }

    /// An address that nobody has: of IPv6, where tests share the one, a port that is given to nobody who asks for any.
    private static func nobody(_ family: SocketAddress.Family) throws -> SocketAddress {
        if family == .ipv6 { return .loopback(.ipv6, port: 9) }
        return try DatagramSocket(boundTo: .own()).localAddress()
    }

    /// Waits for an error: under load the kernel sends the ICMP message some time after the datagram.
    private static func awaitError(of descriptor: Int32) {
        var poll = pollfd(fd: descriptor, events: 0, revents: 0)
        #expect(Glibc.poll(&poll, 1, 30_000) == 1)
    }

    private static func open(_ family: SocketAddress.Family) throws -> DatagramSocket {
        var options = DatagramSocketOptions()
        options.queuesErrors = true
        return try DatagramSocket(boundTo: .own(family), options: options)
    }

    private static func send(
        from descriptor: Int32,
        to address: SocketAddress,
        count: Int = 1
    ) -> Int {
        let bytes = [UInt8](repeating: 0, count: count)
        var storage = sockaddr_storage()
        return withUnsafeMutableBytes(of: &storage) { name in
            let count = address.store(to: name.baseAddress.unsafelyUnwrapped)
            let name = name.baseAddress?.assumingMemoryBound(to: sockaddr.self)
            return sendto(descriptor, bytes, bytes.count, 0, name, UInt32(count))
        }
    }
}
