/// Handshakes at a time: what strangers may make a thread remember before they have proved anything.

internal import IOURing
internal import TLS
internal import TURN

/// Who shakes hands.
///
/// Where all places are taken, one of those that have theirs for longest makes room.
struct HandshakePlaces: ~Copyable {
    private var occupants: MappedArray<UInt32>
    /// Where the next one looks for a place first: behind the one that came last.
    private(set) var next = 0

    init(count: Int) throws(Errno) { occupants = try MappedArray(count: max(1, count)) }

    var count: Int { occupants.count }

    /// Who came to a place last, and may have gone since.
    func occupant(of place: Int) -> ConnectionIndex? {
        occupants[place] == 0 ? nil : ConnectionIndex(rawValue: occupants[place] &- 1)
    }

    mutating func enter(_ index: ConnectionIndex, at place: Int) {
        occupants[place] = index.rawValue &+ 1
        next = (place + 1) % count
    }
}

extension RelayEngine {
    /// Gives a connection a place among those that shake hands.
    mutating func beginHandshake<Opener: RelayOpener & ~Copyable>(
        _ index: ConnectionIndex,
        at now: Now,
        opener: inout Opener
    ) {
        let count = security.places.count
        var place = security.places.next
        for _ in 0..<Limits.handshakePlacesLookedAt where handshaker(at: place) != nil {
            place = (place + 1) % count
        }
        if handshaker(at: place) != nil { place = security.places.next }
        if let slow = handshaker(at: place) {
            connections.statistics.evicted &+= 1
            end(slow, draining: false, at: now, opener: &opener)
        }
        security.places.enter(index, at: place)
        connections[index].handshakePlace = UInt32(truncatingIfNeeded: place)
    }

    /// Lets keys of session tickets grow no older than they may.
    func rotateTicketKeys(at now: Now) {
        security.stream?.rotateTicketKeys(at: now.seconds)
        security.datagram?.rotateTicketKeys(at: now.seconds)
    }

    /// Who shakes hands at a place; `nil` where nobody does any more.
    func handshaker(at place: Int) -> ConnectionIndex? {
        guard let index = security.places.occupant(of: place),
            connections[index].phase == .open, connections[index].ending == .no,
            connections[index].handshakePlace == UInt32(truncatingIfNeeded: place),
            security.sessions.isOpen(index.rawValue),
            security.sessions.isHandshaking(index.rawValue)
        else { return nil }
        return index
    }
}
