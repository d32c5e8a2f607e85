/// A datagram in flight.
struct Packet {
    let source: Endpoint
    let destination: Endpoint
    let bytes: [UInt8]
}

/// When each copy of a datagram arrives: loss, duplication, delay and reordering.
struct Network {
    let conditions: NetworkConditions
    private var chance: SeededGenerator
    /// The last arrival planned for each pair, so that order breaks only where it shall.
    private var lastArrival: [Pair: Nanoseconds] = [:]

    private struct Pair: Hashable {
        let source: Endpoint
        let destination: Endpoint
    }

    init(_ conditions: NetworkConditions, _ chance: SeededGenerator) {
        self.conditions = conditions
        self.chance = chance
    }

    /// The times at which copies of a packet sent now arrive; empty when it is lost.
    mutating func arrivals(of packet: Packet, at now: Nanoseconds) -> [Nanoseconds] {
        guard !chance.rarely(conditions.loss) else { return [] }
        var result = [arrival(of: packet, at: now)]
        if chance.rarely(conditions.duplication) { result.append(arrival(of: packet, at: now)) }
        return result
    }

    private mutating func arrival(of packet: Packet, at now: Nanoseconds) -> Nanoseconds {
        let time = now + chance.duration(conditions.delay)
        if chance.rarely(conditions.reordering) {
            return time + chance.duration(0...conditions.delay.upperBound * 10)
        }
        let pair = Pair(source: packet.source, destination: packet.destination)
        let inOrder = max(time, lastArrival[pair] ?? 0)
        lastArrival[pair] = inOrder
        return inOrder
    }
}
