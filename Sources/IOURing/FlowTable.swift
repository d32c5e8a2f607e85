/// Finds the open slot of a flow within a pass: open addressing, emptied by counting passes.
///
/// Twice as many entries as slots, and a pass opens each slot at most once: there is always an empty
/// entry, and chains stay short. The hash is keyed, so that nobody can choose addresses that collide.
struct FlowTable: ~Copyable {
    private var entries: MappedArray<UInt64>
    private let mask: Int
    private let seed: UInt64
    /// The number of the pass, 1 and up.
    ///
    /// An entry is a pass in its upper half and a slot in its lower half; entries of other passes
    /// are empty.
    private var pass: UInt32 = 1

    /// A table for as many flows as there are slots.
    init(slots: Int) throws(Errno) {
        var count = 2
        while count < 2 * slots { count *= 2 }
        entries = try MappedArray(count: count)
        mask = count - 1
        seed = UInt64.random(in: 0 ... .max) | 1
    }

    /// The entry where the search for a datagram's flow starts.
    func start(_ datagram: OutgoingDatagram) -> Int {
        let address = datagram.destination
        let ends = UInt64(datagram.socket) << 32 | UInt64(address.port) << 16
        var hash = (address.low ^ seed) &* 0x9E37_79B9_7F4A_7C15
        hash = (hash ^ hash >> 32 ^ address.high) &* seed
        hash = (hash ^ hash >> 29 ^ ends) &* 0xBF58_476D_1CE4_E5B9
        return Int(truncatingIfNeeded: hash >> 32) & mask
    }

    /// The entry after one.
    func next(_ entry: Int) -> Int {
        (entry &+ 1) & mask
    }

    /// The slot at an entry; `nil` when the entry is empty.
    func slot(at entry: Int) -> Int? {
        let value = entries[entry]
        return UInt32(truncatingIfNeeded: value >> 32) == pass
            ? Int(UInt32(truncatingIfNeeded: value)) : nil
    }

    /// Puts a slot into an entry.
    mutating func set(_ slot: Int, at entry: Int) {
        entries[entry] = UInt64(pass) << 32 | UInt64(UInt32(truncatingIfNeeded: slot))
    }

    /// Empties the table by starting another pass.
    mutating func clear() {
        pass &+= 1
        guard pass == 0 else { return }
        // Once in 2^32 passes: entries of the first passes would come to life again.
        for entry in 0...mask { entries[entry] = 0 }
        pass = 1
    }
}
