/// Messages to measure with: many that differ, so that nothing about one can be worked out before the loop.

import STUN

/// Equally long datagrams, one behind the other.
struct Samples {
    private let bytes: [UInt8]
    /// How many there are: a power of two.
    let count: Int
    /// The bytes of each.
    let size: Int

    init(_ datagrams: [[UInt8]]) {
        bytes = datagrams.flatMap { $0 }
        count = datagrams.count
        size = datagrams[0].count
        precondition(bytes.count == count * size, "all of one size")
        precondition(count & (count - 1) == 0, "a power of two")
    }

    /// `count` messages that differ in their transaction.
    init(_ type: MessageType, count: Int = 64, _ body: (inout MessageWriter) -> Void) {
        self.init((0..<count).map { message(type, UInt64($0), body) })
    }

    /// All of them; `range(_:)` says where one is.
    var all: RawSpan {
        @_lifetime(borrow self) borrowing get { bytes.span.bytes }
    }

    /// Where the datagram of an operation is in `all`.
    func range(_ operation: Int) -> Range<Int> {
        let start = (operation & (count - 1)) * size
        return start..<start + size
    }
}

/// The message that `body` writes.
func message(
    _ type: MessageType,
    _ transaction: UInt64,
    _ body: (inout MessageWriter) -> Void
) -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: 1500)
    var span = buffer.mutableSpan
    var bytes = span.mutableBytes
    let transactionID = TransactionID(high: 0x0BAD_CAFE, low: transaction)
    var writer = MessageWriter(into: &bytes, type: type, transactionID: transactionID)
    body(&writer)
    guard let count = writer.finish() else { preconditionFailure("1500 bytes are enough") }
    return Array(buffer[..<count])
}

/// A Send indication with 1000 bytes for `peer`.
func sendIndication(to peer: TransportAddress, _ transaction: UInt64 = 0) -> [UInt8] {
    message(MessageType(.send, .indication), transaction) { writer in
        writer.append(.xorPeerAddress, xorAddress: peer)
        writer.append(.data, bytes: [UInt8](repeating: 0x5A, count: 1000))
    }
}
