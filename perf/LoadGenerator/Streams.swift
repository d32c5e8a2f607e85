/// The clients' connections over TCP or TLS: one for each client, each from its own loopback address.

import CLoad
import Glibc

/// What carries the clients' messages.
enum Transport: String, CaseIterable {
    case udp, tcp, tls
}

/// The message at the front of a stream (RFC 8489 6.2.2, RFC 8656 12.5).
enum StreamFrame {
    /// Not all of it is there.
    case partial
    /// `content` bytes, `whole` with the padding of ChannelData.
    case message(content: Int, whole: Int)
    /// Nothing that may stand in a TURN stream; where the next message begins is not known.
    case broken

    /// What stands at the front of `count` bytes.
    init(_ start: UnsafePointer<UInt8>, count: Int) {
        guard count >= 4 else {
            self = .partial
            return
        }
        let length = Int(start[2]) << 8 | Int(start[3])
        let content: Int
        switch start[0] >> 6 {
        case 0 where length % 4 == 0: content = 20 + length
        case 1: content = 4 + length
        case _:
            self = .broken
            return
        }
        let whole = (content + 3) / 4 * 4
        self = whole <= count ? .message(content: content, whole: whole) : .partial
    }
}

struct Streams: ~Copyable {
    /// Bytes of the buffer for each way of a connection: more than the kernel holds in between.
    static let room = 1 << 20
    /// Nanoseconds that a connection or an answer may take while nothing else goes on.
    static let patience: UInt64 = 5_000_000_000
    private static let lookLimit: Int32 = 64

    let isTLS: Bool
    private let streams: UnsafeMutablePointer<OpaquePointer>
    private(set) var count = 0
    private let watch: OpaquePointer
    private let found: UnsafeMutablePointer<UInt32>
    /// The numbers of the streams with bytes that wait, each once.
    private let waiting: UnsafeMutablePointer<Int>
    private var waitingCount = 0
    private let isWaiting: UnsafeMutablePointer<Bool>
    /// Connections that ended, or whose framing broke; nothing more is read from them.
    private let hasEnded: UnsafeMutablePointer<Bool>
    /// Messages that had no room; they show as lost.
    private(set) var refused = 0

    /// Room for `limit` connections, none yet.
    init(limit: Int, isTLS: Bool) throws {
        guard let watch = load_watch_create() else { throw Failure("cannot watch", result: -errno) }
        self.watch = watch
        self.isTLS = isTLS
        streams = .allocate(capacity: max(1, limit))
        found = .allocate(capacity: Int(Streams.lookLimit))
        waiting = .allocate(capacity: max(1, limit))
        isWaiting = .allocate(capacity: max(1, limit))
        isWaiting.initialize(repeating: false, count: max(1, limit))
        hasEnded = .allocate(capacity: max(1, limit))
        hasEnded.initialize(repeating: false, count: max(1, limit))
    }

    /// Connects the next client and waits until bytes may go.
    mutating func connect(to server: Endpoint, tls: OpaquePointer?, room: Int = room) throws {
        let source = Population.client(count)
        guard let stream = load_stream_open(source, server.address, server.port, tls, room) else {
            throw Failure("cannot connect client \(count)", result: -errno)
        }
        let deadline = monotonicNanoseconds() + Streams.patience
        while true {
            let progress = load_stream_connect(stream)
            if progress == load_done { break }
            guard progress == load_waits, monotonicNanoseconds() < deadline else {
                throw Failure("client \(count) cannot connect, or its handshake fails")
            }
        }
        let result = load_watch_add(watch, stream, UInt32(count))
        guard result == 0 else { throw Failure("cannot watch client \(count)", result: result) }
        streams[count] = stream
        count += 1
    }

    /// Adds bytes to what waits for a stream.
    mutating func append(_ bytes: [UInt8], to index: Int) {
        guard let place = room(for: bytes.count, in: index) else { return }
        UnsafeMutableRawBufferPointer(start: place, count: bytes.count).copyBytes(from: bytes)
    }

    /// Adds a payload with its framing.
    mutating func append(
        _ header: PayloadHeader,
        framing: Framing,
        body: UnsafeMutableRawPointer,
        bodyCount: Int,
        to index: Int
    ) {
        let total = framing.prefixCount + PayloadHeader.count + bodyCount + framing.paddingCount
        guard var place = room(for: total, in: index) else { return }
        place.copyMemory(from: framing.prefix, byteCount: framing.prefixCount)
        place += framing.prefixCount
        place.storeBytes(of: header, as: PayloadHeader.self)
        place += PayloadHeader.count
        place.copyMemory(from: body, byteCount: bodyCount)
        memset(place + bodyCount, 0, framing.paddingCount)
    }

    private mutating func room(for count: Int, in index: Int) -> UnsafeMutableRawPointer? {
        guard !hasEnded[index], let place = load_stream_append(streams[index], count) else {
            refused += 1
            return nil
        }
        if !isWaiting[index] {
            isWaiting[index] = true
            waiting[waitingCount] = index
            waitingCount += 1
        }
        return UnsafeMutableRawPointer(place)
    }

    /// Hands everything to the kernel that it takes; the rest waits for the next time.
    mutating func flush() {
        var left = 0
        for position in 0..<waitingCount {
            let index = waiting[position]
            if load_stream_flush(streams[index]) < 0 { hasEnded[index] = true }
            if load_stream_has_waiting(streams[index]) != 0, !hasEnded[index] {
                waiting[left] = index
                left += 1
            } else {
                isWaiting[index] = false
            }
        }
        waitingCount = left
    }

    /// How many streams have something to read; `ready` says which.
    func look() -> Int { Int(load_watch_look(watch, found, Streams.lookLimit)) }

    /// The number of a stream that `look` counted.
    func ready(_ position: Int) -> Int { Int(found[position]) }

    /// Reads once from a stream and says whether something came.
    func read(_ index: Int) -> Bool {
        guard !hasEnded[index] else { return false }
        let count = load_stream_read(streams[index])
        if count < 0 { end(index) }
        return count > 0
    }

    /// Where what was read begins, and how much it is.
    func bytes(_ index: Int) -> (start: UnsafePointer<UInt8>, count: Int) {
        (load_stream_bytes(streams[index]), load_stream_count(streams[index]))
    }

    /// Takes a message away that has been read.
    func take(_ count: Int, from index: Int) { load_stream_take(streams[index], count) }

    /// Reads nothing more from a stream.
    func end(_ index: Int) { hasEnded[index] = true }

    /// Streams that ended.
    var endedCount: Int { (0..<count).count { hasEnded[$0] } }

    /// Gives back what the generator itself holds for a connection that stays open without traffic.
    func idle(_ index: Int) { load_stream_idle(streams[index]) }
}
