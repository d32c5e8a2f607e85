/// What every datagram carries, so that the receiver can check every byte of it without a copy of what was sent.
///
///     0  lane      UInt64   flow × 2 + direction
///     8  sequence  UInt64   counts from 0 in each lane
///     16 time      UInt64   when it was handed to the kernel, monotonic nanoseconds
///     24 body               a slice of a fixed random table; which slice follows from the 24 bytes before
///
/// The body is sent straight from the table (an iovec points into it) and compared with it on arrival. A changed
/// byte of the header points to another slice, so it shows as well.

import Glibc

/// The two ways through a relay.
enum LaneDirection: Int {
    /// From a client to its peer.
    case up = 0
    /// From a peer to its client.
    case down = 1
}

/// The head of a payload.
struct PayloadHeader {
    static let count = 24

    var lane: UInt64
    var sequence: UInt64
    var time: UInt64

    /// Where in the table the body starts.
    var bodyOffset: Int {
        var mixed = (lane &+ 1) &* 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ sequence) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 29) ^ time) &* 0x94D0_49BB_1331_11EB
        return Int((mixed >> 40) & UInt64(PayloadTable.offsets - 1))
    }
}

/// The random bytes that bodies are slices of.
struct PayloadTable: ~Copyable {
    /// How many different slices there are.
    ///
    /// Small enough to stay in the first-level cache.
    static let offsets = 4096
    /// The largest payload.
    static let limit = 65_000

    private let bytes: UnsafeMutableRawPointer

    init() {
        let count = PayloadTable.offsets + PayloadTable.limit
        bytes = .allocate(byteCount: count, alignment: 64)
        var state: UInt64 = 0x7572_6e70_696b_6521
        for index in 0..<count {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            bytes.storeBytes(
                of: UInt8(truncatingIfNeeded: state >> 56),
                toByteOffset: index,
                as: UInt8.self
            )
        }
    }

    deinit { bytes.deallocate() }

    /// The body that belongs to a header.
    func body(of header: PayloadHeader) -> UnsafeMutableRawPointer {
        bytes + header.bodyOffset
    }

    /// The header of a payload whose every byte is as it was sent, else nil.
    func check(_ payload: UnsafeRawPointer, count: Int) -> PayloadHeader? {
        guard count >= PayloadHeader.count else { return nil }
        let header = payload.loadUnaligned(as: PayloadHeader.self)
        let bodyCount = count - PayloadHeader.count
        guard bodyCount <= PayloadTable.limit,
            memcmp(payload + PayloadHeader.count, bytes + header.bodyOffset, bodyCount) == 0
        else { return nil }
        return header
    }
}
