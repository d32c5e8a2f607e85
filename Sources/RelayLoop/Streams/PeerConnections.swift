/// Where the connections with peers are in the table of connections.

internal import IOURing
internal import TURN

/// From the server's names of peers' connections to ours: a fixed number of places.
struct PeerConnections: ~Copyable {
    /// Connections that were opened and are not known to the ring yet.
    private(set) var arriving: IndexStack

    private var places: MappedArray<UInt32>
    private var count = 0, webCount = 0
    private let limit: Int, webLimit: Int

    init(_ limits: ConnectionLimits) throws(Errno) {
        let arriving = try IndexStack(capacity: max(1, limits.connections))
        let places = try MappedArray<UInt32>(count: max(1, limits.peers))
        self.arriving = arriving
        self.places = places
        let share = limits.connections / Limits.peerShareOfConnections
        limit = min(limits.peers, share)
        webLimit = limits.webServer == nil ? 0 : share
    }

    /// Chunks that are kept for joined connections: what goes to the peer, and under TLS before and after encryption.
    var chunks: Int { 3 * (limit + webLimit) }

    /// Whether another one may come.
    var hasRoom: Bool { count < limit }

    /// Whether another one with the web server may come.
    var hasRoomForWebServer: Bool { webCount < webLimit }

    /// Notes where a new one is; with the web server it has no name.
    mutating func enter(_ index: ConnectionIndex, _ peer: PeerConnection?) {
        arriving.push(index)
        guard let peer else {
            webCount += 1
            return
        }
        places[Int(peer.index)] = index.rawValue &+ 1
        count += 1
    }

    /// Notes that one has gone.
    mutating func forget(isOfWebServer: Bool) {
        if isOfWebServer { webCount -= 1 } else { count -= 1 }
    }

    /// The next to be made known to the ring.
    mutating func nextArriving() -> ConnectionIndex? { arriving.pop() }

    /// Where one was entered; whether it is still there is for the caller to see.
    func place(of peer: PeerConnection) -> ConnectionIndex? {
        let place = places[Int(peer.index)]
        return place == 0 ? nil : ConnectionIndex(rawValue: place &- 1)
    }
}
