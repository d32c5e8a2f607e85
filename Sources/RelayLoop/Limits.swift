/// Bounds of a relay thread, each sized from its holders.

/// Numbers that bound one pass of the loop.
enum Limits {
    /// Words from one thread to another that wait, and messages of a pass for others: clients move seldom.
    static let handovers = 64
    /// Received buffers and deliveries that follow a client to another thread in one word, and their bytes, which bound the
    /// messages of a pass too: what comes for it while one of the two threads does not run.
    static let parcelsPerPass = 256, parcelBytes = 512 * 1024
    /// Completions handled in one pass; the rest waits for the next, so that timers and sends get their turn.
    static let completionsPerPass = 512
    /// Allocations removed in one pass: each costs a cancellation and a close.
    static let expirationsPerPass = 64
    /// Send slots that one receive may need: a train of 64 datagrams (the kernel's UDP_MAX_SEGMENTS), each
    /// to a destination of its own, and its answers.
    static let slotsPerReceive = 64
    /// Send slots of a thread: what a pass of plain datagrams may need, and a train on top.
    static let sendSlots = completionsPerPass + slotsPerReceive
    /// Completions that end a bounded wait early.
    static let completionsPerWait = 128
    /// Passes between the first trials of the other way, waiting or not, and passes of such a trial.
    static let passesBetweenTrials = 64
    static let passesOfTrial = 64
    /// Passes between trials at most, where waiting was in vain again and again: about a second.
    static let passesBetweenChecks = 16_384
    /// Passes that took longer together say nothing about the senders' pace.
    static let trialNanoseconds: UInt64 = 2_000_000_000
    /// Passes from the end of a closed socket's receive until it is given back: the kernel's word on the sends of the pass
    /// that closed it comes in the next, and what it refused to segment leaves with that one.
    static let passesUntilClosed: UInt64 = 2
    /// Sends made again, each, after the error of an earlier datagram: another may come in between.
    static let repeatsOfSend = 3
    /// ICMP errors read in one pass, and of one socket: as many as a pass of datagrams may draw, and few of one.
    static let errorsPerPass = 256, errorsPerSocket = 32
    /// Reserved sockets given back in one pass.
    static let reservationsPerPass = 16
    /// Ports of other programs that opening one relayed socket may run into before it is refused.
    static let bindAttempts = 64
    /// Allocations that one answer to the control thread lists, and places of the table it looks at for them.
    static let recordsPerAnswer = 64, placesPerAnswer = 512
    /// Longest sleep, so that counters and reservations do not grow old.
    static let sleepNanoseconds: UInt64 = 500_000_000
    /// Longest sleep after sends on streams, whose results end no wait: where one was cut short, it goes on then.
    static let sentSleepNanoseconds: UInt64 = 5_000_000
    /// Room for the kernel's receive header, the source and the control messages in front of a payload.
    static let headroom = 256
    /// Buffers the kernel has at least, unless there are fewer: some trains from a few senders.
    static let leastLentBuffers = 32
    /// Passes after which the kernel's share of the buffers may shrink.
    static let passesBetweenShrinks = 256
    /// Buffers beside those lent to the kernel: answers, and what is still being sent when a pass ends.
    static let spareBuffers = 64
    /// Completions for each submission that the queue has room for: receives make several.
    static let completionsPerSubmission = 4
    /// Bytes of the largest train the kernel joins.
    static let coalescedBytes = 65_536
    /// Bytes from which on the length of a message in a stream is known.
    static let messageHeaderBytes = 4
    /// Bytes of the largest message that a client without an allocation may send in pieces (a request with a token),
    /// and of the ClientHello that has to wait (with the large keys of today).
    static let smallCarryBytes = 4096
    /// The first byte of a TLS handshake (RFC 7983).
    static let handshakeByte: UInt8 = 22
    /// The first byte of a request of HTTP.
    static let capitalLetters: ClosedRange<UInt8> = 65...90
    /// The most bytes of a request that opens a WebSocket, and where they are opened.
    static let requestBytes = smallCarryBytes, webSocketPath = "/turn"
    /// After so long no other step of a TLS handshake begins in the same pass: datagrams wait.
    static let handshakeNanoseconds: UInt64 = 200_000
    /// Steps of DTLS handshakes in one pass; a datagram above it is lost and comes again a second later.
    static let datagramStepsPerPass = 8
    /// Places that a new handshake looks at for a free one.
    static let handshakePlacesLookedAt = 16
    /// How often DTLS handshakes are looked at for lost flights.
    static let handshakeCheckNanoseconds: UInt64 = 100_000_000
    /// Room in an outbox that messages leave to alerts and answers to KeyUpdate.
    static let alertBytes = 512
    /// Messages of a stream that weigh as much as another completion against the bound of a pass.
    static let messagesPerCompletion = 8
    /// Buffers that the kernel is not lent: to decrypt and answer with.
    static let keptBuffers = 16
    /// Bytes of a chunk: what a client has left to receive at most, and the largest message.
    static let chunkBytes = 65_536 + 256
    /// Chunks of a thread: clients that are slow, or in the midst of a large message, at a time; untouched they
    /// cost nothing.
    static let chunks = 2048
    /// The share of the places for connections, one in so many, that old strangers leave free.
    static let reserveOfConnections = 16
    /// Strangers that leave in one pass: as many as may come in one.
    static let departuresPerPass = completionsPerPass
    /// Connections that were accepted and wait until strangers have made room: as many as the kernel may accept before
    /// the completions of those that leave come behind them.
    static let newcomers = 16_384
    /// How long a listening socket does not accept where the system gave no descriptor.
    static let acceptPauseNanoseconds: UInt64 = 100_000_000
    /// Connections that fail one after the other before the accept waits as long: more of them than come by chance.
    static let acceptFailures = 64
    /// The share of the places for connections, one in so many, that connections with peers may take: each needs
    /// another for its client, and there are clients without.
    static let peerShareOfConnections = 4
    /// Bytes of a stream taken in at a time where what they become must fit a chunk: under TLS the rest of a record
    /// may come out with them.
    static let pieceBytes = 49_152
    /// The same of one that may be joined yet: beside what was kept of a request or a record, all of it fits a chunk.
    static let strangerBytes = 32_768
    /// Room for which it is not worth to ask for more of a joined connection.
    static let leastPieceBytes = 8192
    /// How long until a joined connection is looked at again that its bandwidth has stopped.
    static let bandwidthPauseNanoseconds: UInt64 = 10_000_000
    /// Connections on their way to another thread.
    static let parcels = 64
    /// Descriptors of a process that are no relayed sockets: ring, events, log, state.
    static let otherDescriptors = 32
}
