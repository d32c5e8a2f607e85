import Exchange
import STUN
import TURN
import Testing

@testable import IOURing
@testable import RelayLoop

/// The loops of a relay without threads: a test runs their passes one by one, in the order it likes.
///
/// Sockets are real and on loopback, where what was sent is there when the send returns.
final class SteppedRelay {
    let address: SocketAddress
    let peerHost: SocketAddress
    private let loops: [SteppedLoop]

    init(
        threads: Int,
        _ configure: (inout RelayThreadConfiguration) -> Void = { _ in }
    ) throws {
        let host = LoopbackRelay.firstHost()
        address = SocketAddress(ipv4: host, port: 3478)
        peerHost = SocketAddress(ipv4: host + 1, port: 0)
        var configuration = try LoopbackRelay.configuration(
            at: address,
            peers: peerHost,
            allocations: 100
        )
        configuration.streamListeners = configuration.listeners
        configuration.connections.connections = 256
        configuration.batchWaitMicroseconds = 0
        configure(&configuration)
        let shared = SharedState(allocations: 100, allocationsPerUser: 0, threads: threads)
        loops = try (0..<threads).map { try SteppedLoop($0, configuration, shared) }
    }

    /// Runs one loop until it has taken in what came, acted on it, and sent what follows.
    func run(_ thread: Int, passes: Int = 4) {
        for _ in 0..<passes { loops[thread].pass() }
    }

    /// Runs all loops in turn.
    func run() {
        for _ in 0..<4 { for loop in loops { loop.pass() } }
    }

    /// A counter of one loop, or of all.
    func value(_ counter: RelayCounter, of thread: Int? = nil) -> UInt64 {
        guard let thread else { return loops.reduce(0) { $0 + $1.counters.value(counter) } }
        return loops[thread].counters.value(counter)
    }

    /// Runs all loops until a condition on the counters holds, at most a minute.
    func run(until condition: () -> Bool) -> Bool {
        for _ in 0..<60_000 {
            run()
            if condition() { return true }
        }
        return false
    }

    /// A client whose connection the kernel has brought to a loop; others are tried and given up.
    func client(onStreamOf thread: Int) throws -> LoopbackClient {
        var others: [FarStream] = []
        for _ in 0..<500 {
            let before = value(.connections, of: thread)
            let total = value(.connections)
            let stream = try FarStream(to: address)
            try #require(run { value(.connections) > total })
            if value(.connections, of: thread) > before {
                return LoopbackClient(over: SteppedEnd(stream, self), at: address)
            }
            others.append(stream)
        }
        throw NotReached(thread: thread)
    }

    struct NotReached: Error { let thread: Int }
}

/// One loop, made and run by the test's thread.
private final class SteppedLoop {
    private var loop: RelayLoop
    private let inbox: RelayInbox
    let counters = CounterBlock()

    init(
        _ index: Int,
        _ configuration: RelayThreadConfiguration,
        _ shared: SharedState
    ) throws {
        inbox = try RelayInbox(event: shared.post.event(of: index))
        loop = try RelayLoop.start(
            index: index,
            configuration: configuration,
            shared: shared,
            inbox: inbox,
            counters: counters
        )
    }

    /// One pass, which does not sleep: the loop is woken before.
    func pass() {
        inbox.event.signal()
        loop.pass()
    }
}

/// A far end whose relay runs while it waits.
final class SteppedEnd: FarEnd {
    private let end: any FarEnd
    private let relay: SteppedRelay

    init(_ end: any FarEnd, _ relay: SteppedRelay) {
        self.end = end
        self.relay = relay
    }

    var address: SocketAddress { end.address }

    func send(_ bytes: [UInt8], to address: SocketAddress, segmentSize: Int) throws {
        try end.send(bytes, to: address, segmentSize: segmentSize)
    }

    func receive(milliseconds: Int32) -> [UInt8]? {
        for _ in 0..<max(1, milliseconds) {
            if let bytes = end.receive(milliseconds: 0) { return bytes }
            relay.run()
            if let bytes = end.receive(milliseconds: 1) { return bytes }
        }
        return nil
    }
}
