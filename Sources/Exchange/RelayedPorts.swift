/// Which ports of the relay addresses of a family are relayed transport addresses now, and which were until a moment ago.

import Synchronization

/// One atomic for each of the 65 536 ports of each relay address of a family.
///
/// A port that was closed rests for `restSeconds`, so that a late datagram for its old owner does not reach a new
/// one (RFC 8656 section 7.2). Times are whole seconds of one clock, the same for every call.
public final class RelayedPorts: Sendable {
    /// How long a closed port is not handed out again.
    public static let restSeconds: UInt64 = 30

    /// 0: never used; `open` and `openForStreams`: in use; else: the second in which it was closed.
    private let states: AtomicArray<UInt32>

    /// Makes a table in which every port is free, of as many addresses, which go by their numbers.
    public init(addresses: Int = 1) {
        states = AtomicArray(count: addresses * 65_536)
    }

    private func place(_ port: UInt16, _ address: UInt8) -> Int { Int(address) << 16 | Int(port) }

    /// Takes a port for the caller; false when it is open, or closed for less than `restSeconds`.
    ///
    /// - Parameters:
    ///   - port: The port to take.
    ///   - address: The number of its relay address.
    ///   - nowSeconds: The time now.
    ///   - evenIfRecent: Takes the port also while it rests, for when all the range rests.
    ///   - forStreams: The port is for TCP; nobody else has it for UDP meanwhile.
    /// - Returns: Whether the caller owns the port now.
    public func claim(
        _ port: UInt16,
        of address: UInt8 = 0,
        nowSeconds: UInt64,
        evenIfRecent: Bool = false,
        forStreams: Bool = false
    ) -> Bool {
        let place = place(port, address)
        let state = states[place].load(ordering: .relaxed)
        if state >= openForStreams { return false }
        if !evenIfRecent && isResting(state, nowSeconds: nowSeconds) { return false }
        return states[place].compareExchange(
            expected: state,
            desired: forStreams ? openForStreams : open,
            ordering: .acquiringAndReleasing
        ).exchanged
    }

    /// Gives a port back that the caller had taken.
    public func release(_ port: UInt16, of address: UInt8 = 0, nowSeconds: UInt64) {
        let closed = UInt32(
            clamping: Swift.min(Swift.max(nowSeconds, 1), UInt64(openForStreams - 1))
        )
        let before = states[place(port, address)].exchange(closed, ordering: .acquiringAndReleasing)
        assert(before >= openForStreams, "port \(port) was given back twice")
    }

    /// True while the port is a live relayed transport address of some relay thread, over UDP or over TCP.
    public func isOpen(_ port: UInt16, of address: UInt8 = 0, forStreams: Bool = false) -> Bool {
        states[place(port, address)].load(ordering: .acquiring)
            == (forStreams ? openForStreams : open)
    }

    private func isResting(_ state: UInt32, nowSeconds: UInt64) -> Bool {
        state != 0 && nowSeconds < UInt64(state) + Self.restSeconds
    }
}

/// The state of a port in use; no clock of 32 bits reaches it before the year 2106.
private let open = UInt32.max
/// The same of a port for TCP.
private let openForStreams = UInt32.max - 1
