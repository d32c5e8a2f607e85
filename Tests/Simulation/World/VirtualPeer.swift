/// A peer: answers some of what it gets, and sends unasked to relayed addresses it has heard of.
struct VirtualPeer {
    let local: Endpoint
    private let echoes: Int
    private var chance: SeededGenerator

    init(at local: Endpoint, _ chance: SeededGenerator) {
        self.local = local
        self.chance = chance
        echoes = self.chance.pick([0, 50, 100])
    }

    /// A datagram came from a relayed address; the datagrams to send back.
    mutating func receive(_ bytes: [UInt8], _ directory: inout Directory) -> [[UInt8]] {
        chance.chance(echoes) ? [directory.payload(bytes.count)] : []
    }

    /// A burst to a relayed address that may be alive, dead, or not care for this peer.
    mutating func act(_ directory: inout Directory) -> (to: Endpoint, bytes: [[UInt8]])? {
        let fitting = directory.relayed.filter { $0.address.isIPv6 == local.address.isIPv6 }
        guard !fitting.isEmpty else { return nil }
        let target = chance.chance(60) ? fitting[fitting.count - 1] : chance.pick(fitting)
        let size = chance.pick([0, 1, 5, 160, 999, 1200])
        let count = chance.chance(40) ? 1 : chance.within(2...12)
        let bytes = (0..<count).map { index in
            let isLast = index == count - 1 && chance.chance(40)
            return directory.payload(isLast ? chance.below(size + 1) : size)
        }
        return (target, bytes)
    }
}
