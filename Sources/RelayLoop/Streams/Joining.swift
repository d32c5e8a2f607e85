/// What TCP allocations need to know of connections (RFC 6062).

internal import TURN

/// What a connection is to the TURN server.
enum ConnectionRole: UInt8, BitwiseCopyable {
    /// It speaks TURN.
    case client
    /// It speaks TURN with another thread: it goes there once it has sent what it has left to say.
    case leaving
    /// It is being made, to a peer.
    case connecting
    /// It is a peer's, and is not read until the client has bound it.
    case pending
    /// It carries the bytes of another connection, and that one its.
    case joined
}

/// One side of a pair: a client's data connection, or a peer's.
struct Joining: BitwiseCopyable {
    /// What the server calls the peer's connection; `nil` where there is none.
    var peer: PeerConnection?
    /// The other side; `.none` until they are joined.
    var partner = ConnectionIndex.none
    /// Nothing more comes from it.
    var isInputOver = false
    /// It was told that nothing more comes to it.
    var isOutputOver = false
    /// It is not read now: the other side has no room.
    var isHeld = false
    /// The thread it goes to, if it leaves.
    var thread: UInt16 = 0
    /// Bytes that passed and that the allocation's bandwidth had no room for yet.
    var owed = 0
}
