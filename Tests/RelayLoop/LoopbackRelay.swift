import Exchange
import Glibc
import STUN
import Synchronization
import TURN
import Testing

@testable import IOURing
@testable import RelayLoop

/// Relay threads on a loopback address of their own: tests that run at a time do not share ports.
final class LoopbackRelay {
    /// Where clients send to; also the relay address.
    let address: SocketAddress
    /// An address for peers: what is sent to the relay's own address goes to relayed ports only.
    let peerHost: SocketAddress
    let threads: [RelayThread]
    /// What they share.
    let shared: SharedState

    private static let count = Atomic<UInt32>(0)

    /// The first of four addresses that no other relay of this process has, nor one of another process.
    static func firstHost() -> UInt32 {
        let number = count.wrappingAdd(1, ordering: .relaxed).newValue
        precondition(number < 1 << 9, "more relays than addresses")
        let process = UInt32(getpid()) % 0xFFF + 1
        return 0x7F00_0000 | process << 11 | number << 2
    }

    /// Starts threads that need no credentials and relay to peers at `peerHost`.
    init(
        threads: Int = 1,
        allocations: Int = 1000,
        tls: TLSContexts = TLSContexts(),
        _ configure: (inout RelayThreadConfiguration) -> Void = { _ in }
    ) throws {
        let host = Self.firstHost()
        address = SocketAddress(ipv4: host, port: 3478)
        peerHost = SocketAddress(ipv4: host + 1, port: 0)

        var configuration = try Self.configuration(
            at: address,
            peers: peerHost,
            allocations: allocations
        )
        configure(&configuration)
        let shared = SharedState(
            allocations: allocations,
            allocationsPerUser: 0,
            relayAddresses: 1 + configuration.server.moreRelays.count,
            threads: threads,
            tls: tls
        )
        self.shared = shared
        self.threads = try (0..<threads).map {
            try RelayThread(index: $0, configuration: configuration, shared: shared)
        }
        for thread in self.threads { try thread.start() }
    }

    /// Settings of a relay that needs no credentials and relays to the peers of one host.
    static func configuration(
        at address: SocketAddress,
        peers peerHost: SocketAddress,
        allocations: Int
    ) throws -> RelayThreadConfiguration {
        var server = ServerConfiguration()
        server.isAuthenticationRequired = false
        server.relayIPv4 = TransportAddress(address).ip
        server.allow = [try #require(AddressPrefix(TransportAddress(peerHost).ip, length: 32))]
        server.allocationCapacity = allocations
        server.unauthenticatedPerSecond = 0
        server.unauthenticatedTotalPerSecond = 0
        return RelayThreadConfiguration(server: server, listeners: [TransportAddress(address)])
    }

    deinit {
        stop()
    }

    /// Stops the threads and waits until they have ended.
    func stop() {
        for thread in threads { thread.stop() }
        for thread in threads { thread.join() }
    }

    /// A counter over all threads.
    func value(_ counter: RelayCounter) -> UInt64 {
        threads.reduce(0) { $0 + $1.counters.value(counter) }
    }

    /// Whether nobody has a UDP port.
    func isFree(_ address: SocketAddress) -> Bool {
        do {
            _ = try DatagramSocket(boundTo: address)
            return true
        } catch {
            return false
        }
    }

    /// Waits until a condition on the counters holds, at most a minute.
    func wait(until condition: () -> Bool) -> Bool {
        for _ in 0..<12_000 {
            if condition() { return true }
            usleep(5000)
        }
        return condition()
    }
}

/// The far end of a conversation, whatever carries its messages.
protocol FarEnd {
    /// Its own address.
    var address: SocketAddress { get }

    /// Sends one message; where to is known to a stream.
    func send(_ bytes: [UInt8], to address: SocketAddress, segmentSize: Int) throws

    /// The next message; `nil` when none comes within the time.
    func receive(milliseconds: Int32) -> [UInt8]?
}

extension FarEnd {
    func send(_ bytes: [UInt8], to address: SocketAddress) throws {
        try send(bytes, to: address, segmentSize: 0)
    }

    func receive() -> [UInt8]? { receive(milliseconds: 30_000) }
}

/// A socket at the far end: a client or a peer.
final class FarSocket: FarEnd {
    let address: SocketAddress
    let socket: Int32
    /// Of the datagram that came last.
    private(set) var trafficClass: UInt8?

    init(_ host: SocketAddress, receiveBuffer: Int = 4 << 20) throws {
        var options = DatagramSocketOptions()
        options.coalescesReceives = false
        options.receiveBuffer = receiveBuffer
        options.receivesTrafficClass = true
        let opened = try DatagramSocket(boundTo: host.with(port: 0), options: options)
        address = try opened.localAddress()
        socket = opened.release()
    }

    deinit {
        close(socket)
    }

    /// Marks what is sent from now on.
    func mark(_ trafficClass: UInt8) throws {
        var value = Int32(trafficClass)
        let isIPv4 = address.family == .ipv4
        let level = Int32(isIPv4 ? IPPROTO_IP : IPPROTO_IPV6)
        let option = isIPv4 ? IP_TOS : IPV6_TCLASS
        try #require(setsockopt(socket, level, option, &value, 4) == 0)
    }

    /// Sends one datagram, or, with a segment size, several at once as one segmented send.
    func send(_ bytes: [UInt8], to address: SocketAddress, segmentSize: Int = 0) throws {
        var size = Int32(segmentSize)
        try #require(setsockopt(socket, Int32(IPPROTO_UDP), 103, &size, 4) == 0)
        var storage = sockaddr_storage()
        let sent = withUnsafeMutableBytes(of: &storage) { name in
            let count = address.store(to: name.baseAddress.unsafelyUnwrapped)
            let name = name.baseAddress?.assumingMemoryBound(to: sockaddr.self)
            return sendto(socket, bytes, bytes.count, 0, name, UInt32(count))
        }
        try #require(sent == bytes.count)
    }

    /// The next datagram; `nil` when none comes within the time.
    func receive(milliseconds: Int32 = 30_000) -> [UInt8]? {
        var poll = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        guard Glibc.poll(&poll, 1, milliseconds) == 1 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        var control = [UInt8](repeating: 0, count: 64)
        let count = bytes.withUnsafeMutableBytes { bytes in
            control.withUnsafeMutableBytes { control in
                var vector = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
                return withUnsafeMutablePointer(to: &vector) { vector in
                    var message = msghdr()
                    message.msg_iov = vector
                    message.msg_iovlen = 1
                    message.msg_control = control.baseAddress
                    message.msg_controllen = control.count
                    return recvmsg(socket, &message, 0)
                }
            }
        }
        // Only the traffic class was asked for: one control message, its value after 16 bytes.
        trafficClass = control[16]
        return count >= 0 ? Array(bytes.prefix(count)) : nil
    }
}
