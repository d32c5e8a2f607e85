/// Ports reserved by EVEN-PORT, held for whichever relay thread gets the RESERVATION-TOKEN (RFC 8656 section 7.2).

import Synchronization

/// A reserved port with its open socket.
///
/// Whoever holds the value owns the descriptor.
public struct Reservation: Equatable, Sendable, BitwiseCopyable {
    /// The RESERVATION-TOKEN.
    public var token: UInt64
    /// The bound socket.
    public var descriptor: Int32
    /// The port it is bound to, and the number of its relay address.
    public var port: UInt16, address: UInt8
    /// The address family as on the wire: 1 is IPv4, 2 is IPv6.
    public var family: UInt8
    /// The second from which the token is worth nothing.
    public var expirySeconds: UInt64

    /// Makes a reservation of its parts.
    public init(
        token: UInt64,
        descriptor: Int32,
        port: UInt16,
        address: UInt8 = 0,
        family: UInt8,
        expirySeconds: UInt64
    ) {
        self.token = token
        self.descriptor = descriptor
        self.port = port
        self.address = address
        self.family = family
        self.expirySeconds = expirySeconds
    }
}

/// A bounded table of reservations.
///
/// A socket changes threads here: one puts it in, another takes it out.
///
/// A slot is owned through its state: who moves it from `free` or `ready` to `busy` may touch the other fields. A
/// token may lie in the `window` slots that begin at the one it points to.
public final class ReservationTable: Sendable {
    /// How many reservations there can be at one time.
    public static let capacity = 1024
    private static let window = 32

    private let states = AtomicArray<UInt32>(count: capacity)
    private let tokens = AtomicArray<UInt64>(count: capacity)
    private let sockets = AtomicArray<UInt64>(count: capacity)
    private let expiries = AtomicArray<UInt64>(count: capacity)
    private let held = AtomicArray<UInt64>(count: 1)

    /// Makes an empty table.
    public init() {}

    /// Puts a reservation in; false when there is no room, and then the caller keeps the descriptor.
    public func reserve(_ reservation: Reservation) -> Bool {
        for step in 0..<Self.window {
            let slot = slot(of: reservation.token, step)
            guard move(slot, from: free, to: busy) else { continue }
            tokens[slot].store(reservation.token, ordering: .relaxed)
            sockets[slot].store(packed(reservation), ordering: .relaxed)
            expiries[slot].store(reservation.expirySeconds, ordering: .relaxed)
            held[0].add(1, ordering: .relaxed)
            states[slot].store(ready, ordering: .releasing)
            return true
        }
        return false
    }

    /// Takes the reservation with this token out; nil when there is none or it has expired.
    public func claim(token: UInt64, nowSeconds: UInt64) -> Reservation? {
        for step in 0..<Self.window {
            let slot = slot(of: token, step)
            let isCandidate = tokens[slot].load(ordering: .relaxed) == token
            guard isCandidate, move(slot, from: ready, to: busy) else { continue }
            let reservation = content(of: slot)
            if reservation.token == token && reservation.expirySeconds > nowSeconds {
                empty(slot)
                return reservation
            }
            states[slot].store(ready, ordering: .releasing)
        }
        return nil
    }

    /// Takes out one reservation that has expired, for the caller to close; nil when there is none.
    public func takeExpired(nowSeconds: UInt64) -> Reservation? {
        if held[0].load(ordering: .relaxed) == 0 { return nil }
        for slot in 0..<Self.capacity {
            let isCandidate = expiries[slot].load(ordering: .relaxed) <= nowSeconds
            guard isCandidate, move(slot, from: ready, to: busy) else { continue }
            let reservation = content(of: slot)
            if reservation.expirySeconds <= nowSeconds {
                empty(slot)
                return reservation
            }
            states[slot].store(ready, ordering: .releasing)
        }
        return nil
    }

    /// Takes out any reservation, for closing everything at the end; nil when the table is empty.
    public func takeAny() -> Reservation? { takeExpired(nowSeconds: .max) }

    private func slot(of token: UInt64, _ step: Int) -> Int {
        (Int(truncatingIfNeeded: token) &+ step) & (Self.capacity - 1)
    }

    private func move(_ slot: Int, from old: UInt32, to new: UInt32) -> Bool {
        states[slot].compareExchange(
            expected: old,
            desired: new,
            ordering: .acquiringAndReleasing
        ).exchanged
    }

    private func empty(_ slot: Int) {
        held[0].subtract(1, ordering: .relaxed)
        states[slot].store(free, ordering: .releasing)
    }

    private func packed(_ reservation: Reservation) -> UInt64 {
        UInt64(UInt32(bitPattern: reservation.descriptor))
            | UInt64(reservation.port) << 32 | UInt64(reservation.family) << 48
            | UInt64(reservation.address) << 56
    }

    private func content(of slot: Int) -> Reservation {
        let socket = sockets[slot].load(ordering: .relaxed)
        return Reservation(
            token: tokens[slot].load(ordering: .relaxed),
            descriptor: Int32(bitPattern: UInt32(truncatingIfNeeded: socket)),
            port: UInt16(truncatingIfNeeded: socket >> 32),
            address: UInt8(truncatingIfNeeded: socket >> 56),
            family: UInt8(truncatingIfNeeded: socket >> 48),
            expirySeconds: expiries[slot].load(ordering: .relaxed)
        )
    }
}

private let free: UInt32 = 0
private let busy: UInt32 = 1
private let ready: UInt32 = 2
