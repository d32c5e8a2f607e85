/// From relayed sockets to allocations.

/// For each relay index below a limit: the allocation that has the socket, or none.
///
/// Safe to use because the pointer is private, lives exactly as long as its only owner, and every index is
/// compared with the limit before use.
@safe struct RelayMap: ~Copyable {
    private let slots: UnsafeMutablePointer<Slot<Allocation>>
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
        unsafe slots = .allocate(capacity: limit)
        // Safe: `limit` slots were allocated on the line above.
        unsafe slots.initialize(repeating: .none, count: limit)
    }

    deinit {
        // Safe: allocated in `init`; slots are plain bits without a destructor.
        unsafe slots.deallocate()
    }

    /// The allocation that has `relay`.
    subscript(relay: RelayIndex) -> Slot<Allocation>? {
        guard relay.rawValue < limit else { return nil }
        // Safe: checked on the line above.
        let slot = unsafe slots[Int(relay.rawValue)]
        return slot.isSome ? slot : nil
    }

    /// Notes that `slot`, or nobody, has `relay`, which is below the limit.
    mutating func set(_ relay: RelayIndex, to slot: Slot<Allocation>) {
        precondition(relay.rawValue < limit, "the loop numbers its sockets below relayIndexLimit")
        // Safe: checked on the line above.
        unsafe slots[Int(relay.rawValue)] = slot
    }
}

// Sendable: the map owns its memory alone; handing it to another thread hands over both.
extension RelayMap: @unchecked Sendable {}
