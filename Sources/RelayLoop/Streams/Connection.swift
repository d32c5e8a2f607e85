/// A connection, of a client or with a peer: what a relay thread remembers of it.

internal import IOURing
internal import TURN

/// One place of the table of connections.
struct Connection: BitwiseCopyable {
    /// Where it is in its life.
    enum Phase: UInt8, BitwiseCopyable {
        /// Nobody's.
        case free
        /// Takes and gives messages.
        case open
        /// Only gives what it has left to say, and is closed then.
        case draining
        /// Is closed as soon as the kernel holds nothing of it any more.
        case closing
    }

    /// What its messages are wrapped in.
    enum Layer: UInt8, BitwiseCopyable {
        /// Its first byte will tell.
        case undecided
        case plain
        case tls
        /// Datagrams of a listening socket; it has no descriptor of its own.
        case dtls
    }

    /// What is spoken on a stream.
    enum Speech: UInt8, BitwiseCopyable {
        /// Its first byte of plaintext will tell.
        case undecided
        /// Messages behind one another.
        case messages
        /// A request to open a WebSocket, to begin with.
        case http
        /// A message in each binary message of a WebSocket.
        case webSocket
    }

    /// Whether it is to end when what came with the present bytes has been handled.
    enum Ending: UInt8, BitwiseCopyable {
        case no
        /// Once it has said what it has left to say.
        case afterSending
        case atOnce
    }

    var phase = Phase.free
    var ending = Ending.no
    var layer = Layer.undecided
    var speech = Speech.undecided
    /// Whether a load balancer's header is to come first.
    var isBehindProxy = false
    /// Where it counts as coming from.
    var source: ConnectionSource
    /// The client as the TURN server knows it.
    var fiveTuple: FiveTuple
    var descriptor: Int32

    /// The beginning of a message whose end has not come yet.
    var carry = Carry()
    /// What has not been sent yet.
    var outbox = Outbox()
    /// Under TLS, what has not been encrypted yet.
    var unsealed = Outbox()
    /// Whether what it carries is ciphertext of a handshake that waits for its turn.
    var isDeferred = false
    /// Its place among those that shake hands, which may be another's by now.
    var handshakePlace = UInt32.max

    /// Whether it is on the list of those with something to send.
    var isDirty = false
    /// Whether the kernel says when the stream takes bytes again.
    var isAwaitingRoom = false

    /// What a TCP allocation has to do with it.
    var role = ConnectionRole.client
    /// The other side, and how far each has come.
    var joining = Joining()
    /// Whether a peer is at its other end.
    var isOfPeer = false
    /// Whether that peer is the web server.
    var isOfWebServer = false
    /// Whether it came from another thread, where it does not go again.
    var wasHandedOver = false
    /// Whether its receive goes on by itself; what asks for a place elsewhere is read piece by piece.
    var receivesOn = false

    /// Whether it owns an allocation, or belongs to one; others are strangers, and live by a shorter time.
    var hasAllocation = false
    /// When it is closed unless it says something sensible, in seconds of the monotonic clock; strangers only.
    var deadlineSeconds: UInt64 = 0
    /// Its neighbours on the list of strangers.
    var older = ConnectionIndex.none, newer = ConnectionIndex.none

    /// Under DTLS, the handshake with which its client begins anew; it takes this one's place when it is done.
    var successor = ConnectionIndex.none

    /// Whether messages for it are encrypted before they are sent.
    var isSealing: Bool { layer == .tls || layer == .dtls }

    /// Whether all that it was given to send has left.
    var isEmpty: Bool { outbox.count == 0 && unsealed.count == 0 }

    /// Whether nothing of it is with the kernel but perhaps its receive.
    var isQuiet: Bool { !outbox.isSending && !isAwaitingRoom }
}

/// The beginning of a message, kept until the rest has come.
struct Carry: BitwiseCopyable {
    /// What kind of memory holds it.
    enum Place: UInt8, BitwiseCopyable {
        case nowhere
        /// A small buffer: what any client may ask of us.
        case small
        /// One as large as the largest message: for clients with an allocation.
        case large
    }

    var place = Place.nowhere
    var buffer = BufferIndex(rawValue: 0)
    /// Bytes that have come.
    var count = 0
    /// In a WebSocket, bytes below which it is not worth another look.
    var wanted = 0
}

/// What a connection has left to send: the bytes `start..<end` of a chunk, if it has one.
struct Outbox: BitwiseCopyable {
    var hasChunk = false
    /// The kernel reads from the chunk; its result is still to come.
    var isSending = false
    var chunk = BufferIndex(rawValue: 0)
    var start = 0
    var end = 0
    /// Where the bytes end that the kernel was given last.
    var submitted = 0

    /// How many bytes wait.
    var count: Int { end &- start }
}
