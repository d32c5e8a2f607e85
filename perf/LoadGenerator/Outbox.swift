/// Datagrams on their way into one socket: collected, then handed to the kernel with one system call.

import CLoad
import Glibc

struct Outbox: ~Copyable {
    /// The most bytes of framing before a payload.
    static let prefixLimit = 40
    /// Payloads that one flush can carry; a train counts each of its datagrams.
    static let payloadLimit = 1024

    private static let slotSize = prefixLimit + PayloadHeader.count
    private static let partsOfPayload = 3

    let socket: Int32
    private let outgoing: UnsafeMutablePointer<load_outgoing>
    private let parts: UnsafeMutablePointer<iovec>
    private let slots: UnsafeMutableRawPointer
    /// Zeros, for every padding.
    private let padding: UnsafeMutablePointer<UInt8>
    private var outgoingCount = 0
    private var partCount = 0
    private var payloadCount = 0
    /// Datagrams that the kernel refused; they show as lost.
    private(set) var refused = 0

    init(socket: Int32) {
        self.socket = socket
        outgoing = .allocate(capacity: Int(load_batch_limit))
        parts = .allocate(capacity: Outbox.payloadLimit * Outbox.partsOfPayload)
        slots = .allocate(byteCount: Outbox.payloadLimit * Outbox.slotSize, alignment: 64)
        padding = .allocate(capacity: 4)
        padding.initialize(repeating: 0, count: 4)
    }

    deinit {
        outgoing.deallocate()
        parts.deallocate()
        slots.deallocate()
        padding.deallocate()
    }

    /// Starts a datagram, or a train; flushes first when `payloads` more would not fit.
    mutating func begin(from source: UInt32, to destination: Endpoint, payloads: Int) {
        if outgoingCount == Int(load_batch_limit)
            || payloadCount + payloads > Outbox.payloadLimit
        {
            flush()
        }
        outgoing[outgoingCount] = load_outgoing(
            source: source,
            destination: destination.address,
            destination_port: destination.port,
            segment: 0,
            part_count: 0,
            parts: parts + partCount
        )
        outgoingCount += 1
    }

    /// Adds a payload, with its framing, to the datagram begun last.
    mutating func append(
        _ header: PayloadHeader,
        framing: Framing,
        body: UnsafeMutableRawPointer,
        bodyCount: Int
    ) {
        let slot = slots + payloadCount * Outbox.slotSize
        let start = slot + (Outbox.prefixLimit - framing.prefixCount)
        start.copyMemory(from: framing.prefix, byteCount: framing.prefixCount)
        slot.storeBytes(of: header, toByteOffset: Outbox.prefixLimit, as: PayloadHeader.self)
        let last = outgoingCount - 1
        let firstPart = partCount
        parts[partCount] = iovec(
            iov_base: start,
            iov_len: framing.prefixCount + PayloadHeader.count
        )
        parts[partCount + 1] = iovec(iov_base: body, iov_len: bodyCount)
        partCount += 2
        if framing.paddingCount > 0 {
            parts[partCount] = iovec(iov_base: padding, iov_len: framing.paddingCount)
            partCount += 1
        }
        outgoing[last].part_count += UInt32(partCount - firstPart)
        payloadCount += 1
    }

    /// Makes the datagram begun last a train of datagrams of `segment` bytes.
    mutating func segmentLast(by segment: Int) {
        outgoing[outgoingCount - 1].segment = UInt16(truncatingIfNeeded: segment)
    }

    /// Hands everything to the kernel.
    mutating func flush() {
        var first = 0
        while first < outgoingCount {
            let sent = load_send(socket, outgoing + first, UInt32(outgoingCount - first))
            if sent <= 0 { refused += 1 }
            first += max(1, Int(sent))
        }
        outgoingCount = 0
        partCount = 0
        payloadCount = 0
    }
}
