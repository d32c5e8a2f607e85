/// Plain counters of a thread's connections; published to `Exchange` once a pass.

/// What is counted of connections.
struct ConnectionStatistics: BitwiseCopyable {
    /// Connections taken in, and those turned away at once.
    var accepted: UInt64 = 0, refused: UInt64 = 0
    /// Strangers closed because their time was over, and those that made room for others.
    var timedOut: UInt64 = 0, evicted: UInt64 = 0
    /// Connections closed because no message began where one had to.
    var broken: UInt64 = 0
    /// Messages for a client that did not fit what it has left to receive.
    var dropsConnectionFull: UInt64 = 0
    /// Connections with peers for which there was no place.
    var peersRefused: UInt64 = 0
    /// Bytes of joined connections.
    var bytesJoinedToPeers: UInt64 = 0, bytesJoinedToClients: UInt64 = 0
    /// Connections joined to one with the web server, and those for which there was none.
    var shared: UInt64 = 0, sharesRefused: UInt64 = 0
    /// Connections that went to the thread they belong to, and those that could not.
    var handedOver: UInt64 = 0, handoversRefused: UInt64 = 0
}
