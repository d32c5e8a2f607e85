/// TLS clients that come, shake hands, ask once (a Binding request, whose answer proves the handshake) and go.

import CLoad
import Glibc

/// What the clients saw.
struct HandshakeTally {
    var finished: UInt64 = 0
    var resumed: UInt64 = 0
    var failed: UInt64 = 0
    /// Time that the generator spent in handshakes, and the longest step, nanoseconds.
    var spentNanoseconds: UInt64 = 0
    var longestNanoseconds: UInt64 = 0
}

struct HandshakeCrowd: ~Copyable {
    /// Addresses that clients come from in turn, so that ports in TIME_WAIT do not run out.
    private static let sources = 1024
    private static let room = 4096

    private struct Slot {
        var stream: OpaquePointer
        var begun: UInt64
        var hasAsked = false
    }

    private let server: Endpoint
    private let tls: OpaquePointer?
    private let rate: Double
    private let request: [UInt8]
    private var slots: [Slot?]
    private var turn = 0
    private var started = 0
    private var begin: UInt64 = 0
    private(set) var tally = HandshakeTally()
    private(set) var latency = LatencyHistogram()

    /// At most `atOnce` clients at a time; `rate` new ones a second, 0: as fast as they are through.
    init(server: Endpoint, tls: OpaquePointer?, rate: Double, atOnce: Int) {
        self.server = server
        self.tls = tls
        self.rate = rate
        request = MessageBuilder(.binding, transaction: .random()).bytes
        slots = [Slot?](repeating: nil, count: atOnce)
    }

    /// Nobody comes.
    init() {
        self.init(server: Endpoint(address: 0, port: 0), tls: nil, rate: 0, atOnce: 0)
    }

    /// Counts from here on.
    mutating func startOver() {
        tally = HandshakeTally()
        latency = LatencyHistogram()
    }

    /// One step of the client whose turn it is; true when it got on.
    mutating func pass(at now: UInt64) -> Bool {
        guard !slots.isEmpty else { return false }
        let index = turn
        turn = turn + 1 < slots.count ? turn + 1 : 0
        if begin == 0 { begin = now }
        guard var slot = slots[index] else { return open(index, at: now) }
        let before = tally.finished + tally.failed
        let hadAsked = slot.hasAsked
        let stays = step(&slot, at: now)
        slots[index] = stays ? slot : nil
        if !stays { load_stream_close(slot.stream) }
        account(since: now)
        return hadAsked != slot.hasAsked || before != tally.finished + tally.failed
    }

    private mutating func open(_ index: Int, at now: UInt64) -> Bool {
        guard rate == 0 || Double(now - begin) * rate / 1e9 >= Double(started) else { return false }
        let source = Population.client(1 + started % HandshakeCrowd.sources)
        started += 1
        guard
            let stream = load_stream_open(
                source,
                server.address,
                server.port,
                tls,
                HandshakeCrowd.room
            )
        else {
            tally.failed += 1
            return true
        }
        slots[index] = Slot(stream: stream, begun: now)
        account(since: now)
        return true
    }

    /// Goes on with one client; false when it is through.
    private mutating func step(_ slot: inout Slot, at now: UInt64) -> Bool {
        if !slot.hasAsked {
            let progress = load_stream_connect(slot.stream)
            if progress == load_done {
                ask(slot.stream)
                slot.hasAsked = true
            }
            return progress != load_failed ? isInTime(slot, at: now) : fail()
        }
        let count = load_stream_read(slot.stream)
        if count < 0 { return fail() }
        if count == 0 { return isInTime(slot, at: now) }
        tally.finished += 1
        if load_stream_is_resumed(slot.stream) != 0 { tally.resumed += 1 }
        latency.record(monotonicNanoseconds() - slot.begun)
        return false
    }

    private func ask(_ stream: OpaquePointer) {
        guard let place = load_stream_append(stream, request.count) else { return }
        place.initialize(from: request, count: request.count)
        // A write that fails shows when the answer is read.
        _ = load_stream_flush(stream)
    }

    private mutating func isInTime(_ slot: Slot, at now: UInt64) -> Bool {
        now < slot.begun + Streams.patience || fail()
    }

    private mutating func fail() -> Bool {
        tally.failed += 1
        return false
    }

    private mutating func account(since begin: UInt64) {
        let spent = monotonicNanoseconds() - begin
        tally.spentNanoseconds += spent
        tally.longestNanoseconds = max(tally.longestNanoseconds, spent)
    }
}
