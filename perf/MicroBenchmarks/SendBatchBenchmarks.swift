/// A datagram's way through the send batch, without the kernel: append, seal, take, complete, free the buffer.

import IOURing

/// Measures passes of 128 datagrams over 16 flows.
func measureSendBatch(_ report: inout Report) throws {
    let shapes = [
        ("bursts of 8 a flow", 8, true),
        ("interleaved", 1, true),
        ("interleaved, no GSO", 1, false),
    ]
    for (name, burst, isSegmenting) in shapes {
        var benchmark = try SendPass(
            name: "send batch: 128 over 16 flows, \(name)",
            burst: burst,
            isSegmenting: isSegmenting
        )
        report.measure(&benchmark)
    }
}

private struct SendPass: Benchmark, ~Copyable {
    private static let datagrams = 128
    private static let flows = 16

    let name: String
    private let burst: Int
    private var pool: BufferPool
    private var batch: SendBatch

    init(name: String, burst: Int, isSegmenting: Bool) throws {
        let pool = try BufferPool(count: Self.datagrams, size: 2048, hugePages: false, node: nil)
        let batch = try SendBatch(slots: Self.datagrams, segmentation: isSegmenting)
        self.pool = pool
        self.batch = batch
        self.name = name
        self.burst = burst
    }

    mutating func run(_ operations: Int) -> UInt64 {
        var sum: UInt64 = 0
        for _ in 0..<(operations / Self.datagrams) {
            for position in 0..<Self.datagrams { append(flow: position / burst % Self.flows) }
            batch.seal()
            sum &+= complete()
        }
        precondition(pool.freeCount == Self.datagrams, "every buffer came back")
        return sum
    }

    private mutating func append(flow: Int) {
        guard let buffer = pool.take() else { preconditionFailure("as many as datagrams") }
        let datagram = OutgoingDatagram(
            socket: UInt32(flow),
            destination: SocketAddress(ipv4: 0x1402_0202, port: UInt16(5000 + flow)),
            buffer: buffer,
            headerOffset: 96,
            headerCount: 4,
            payloadOffset: 100,
            payloadCount: 1000
        )
        let isAppended = batch.append(datagram, pool: &pool)
        precondition(isAppended, "as many slots as datagrams")
        // The loop's own reference; the batch holds one now.
        _ = pool.release(buffer)
    }

    private mutating func complete() -> UInt64 {
        var sum: UInt64 = 0
        while let slot = batch.nextPending() {
            let outcome = batch.complete(slot, result: 0, pool: &pool)
            guard case .sent(let datagrams, _) = outcome else { preconditionFailure("\(outcome)") }
            sum &+= UInt64(datagrams)
            while let buffer = batch.takeReleased() { pool.free(buffer) }
        }
        return sum
    }
}
