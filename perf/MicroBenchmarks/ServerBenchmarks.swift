/// Verdicts of the TURN server: with one allocation, where all is in the cache, and with ten thousand in turn.

import STUN
import TURN

/// Measures the server's verdicts.
func measureServer(_ report: inout Report) throws {
    for allocations in [1, 10_000] {
        for direction in ServerBenchmark.Direction.allCases {
            var benchmark = try ServerBenchmark(direction, allocations: allocations)
            report.measure(&benchmark)
        }
    }
}

/// A server with allocations, each with a channel bound to a peer of its own.
private struct ServerBenchmark: Benchmark, ~Copyable {
    enum Direction: String, CaseIterable {
        case binding = "Binding request → reply"
        case channelData = "ChannelData → forward"
        case sendIndication = "Send indication → forward"
        case fromPeer = "peer → deliver, header"
    }

    let name: String
    private let direction: Direction
    private let allocations: Int
    private let now = Now(monotonic: Instant(nanoseconds: 1 << 40), unixSeconds: 1_700_000_000)
    private let datagrams: [[UInt8]]
    private var server: TURNServer

    init(_ direction: Direction, allocations: Int) throws {
        var configuration = ServerConfiguration()
        configuration.isAuthenticationRequired = false
        configuration.relayIPv4 = IPAddress(ipv4: 0x1400_0001)
        configuration.allocationCapacity = allocations
        configuration.unauthenticatedPerSecond = 0
        configuration.unauthenticatedTotalPerSecond = 0
        let plural = allocations == 1 ? "1 allocation" : "\(allocations) allocations"
        name = "verdict: \(direction.rawValue), \(plural)"
        self.direction = direction
        self.allocations = allocations
        server = TURNServer(configuration: configuration, seed: [UInt8](repeating: 7, count: 32))
        datagrams = (0..<(direction == .sendIndication ? allocations : 1)).map {
            Self.datagram(direction, $0)
        }
        for index in 0..<allocations { try allocate(index) }
    }

    mutating func run(_ operations: Int) -> UInt64 {
        var sum: UInt64 = 0
        var index = 0
        var buffer = [UInt8](repeating: 0, count: 1500)
        var span = buffer.mutableSpan
        var reply = span.mutableBytes
        for _ in 0..<operations {
            // A prime step through the allocations: the next one is never the neighbour of the last.
            index += 7919
            if index >= allocations { index %= allocations }
            switch direction {
            case .fromPeer: sum &+= deliver(index, &reply)
            case .sendIndication: sum &+= receive(datagrams[index], index, &reply)
            case .binding, .channelData: sum &+= receive(datagrams[0], index, &reply)
            }
        }
        precondition(sum > 0, "nothing was refused")
        return sum
    }

    private mutating func receive(
        _ datagram: [UInt8],
        _ index: Int,
        _ reply: inout MutableRawSpan
    ) -> UInt64 {
        let verdict = server.receive(
            datagram.span.bytes,
            from: FiveTuple(client: Self.client(index), listener: ListenerIndex(rawValue: 0)),
            at: now,
            reply: &reply
        )
        switch verdict {
        case .forward(let forward): return UInt64(forward.count)
        case .reply(let count): return UInt64(count)
        case .drop, .open, .connect, .join, .replyElsewhere, .elsewhere:
            preconditionFailure("\(verdict)")
        }
    }

    private mutating func deliver(_ index: Int, _ reply: inout MutableRawSpan) -> UInt64 {
        let verdict = server.receive(
            fromPeer: Self.peer(index),
            on: RelayIndex(rawValue: UInt32(index)),
            count: 1000,
            at: now
        )
        guard case .deliver(let delivery) = verdict else { preconditionFailure("\(verdict)") }
        return UInt64(TURNServer.writeHeader(of: delivery, count: 1000, into: &reply))
    }
}

extension ServerBenchmark {
    private static func client(_ index: Int) -> TransportAddress {
        TransportAddress(ip: IPAddress(ipv4: 0x1401_0000 + UInt32(index)), port: 5000)
    }

    private static func peer(_ index: Int) -> TransportAddress {
        TransportAddress(ip: IPAddress(ipv4: 0x1402_0000 + UInt32(index)), port: 6000)
    }

    private static func datagram(_ direction: Direction, _ index: Int) -> [UInt8] {
        switch direction {
        case .binding: message(MessageType(.binding, .request), 1) { _ in }
        case .sendIndication: sendIndication(to: peer(index))
        case .channelData, .fromPeer: [0x40, 0, 0x03, 0xE8] + [UInt8](repeating: 1, count: 1000)
        }
    }

    private mutating func allocate(_ index: Int) throws {
        let allocate = message(MessageType(.allocate, .request), UInt64(index)) { writer in
            writer.append(.requestedTransport, uint32: 17 << 24)
            writer.append(.lifetime, uint32: 3600)
        }
        let bind = message(MessageType(.channelBind, .request), UInt64(index)) { writer in
            writer.append(.channelNumber, uint32: 0x4000 << 16)
            writer.append(.xorPeerAddress, xorAddress: Self.peer(index))
        }
        var buffer = [UInt8](repeating: 0, count: 1500)
        var span = buffer.mutableSpan
        var bytes = span.mutableBytes
        let listener = ListenerIndex(rawValue: 0)
        let from = Self.client(index)
        _ = server.receive(
            allocate.span.bytes,
            from: FiveTuple(client: from, listener: listener),
            at: now,
            reply: &bytes
        )
        let relay = RelayIndex(rawValue: UInt32(index))
        let port = 49_152 + UInt16(index)
        _ = server.finishAllocate(.opened(relay: relay, port: port), at: now, reply: &bytes)
        _ = server.receive(
            bind.span.bytes,
            from: FiveTuple(client: from, listener: listener),
            at: now,
            reply: &bytes
        )
        guard server.statistics.channels == UInt64(index + 1) else {
            throw MissingValue(name: "channel \(index)")
        }
    }
}
