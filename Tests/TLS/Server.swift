/// The server's side for the suites: sessions, and arrays in place of spans.

import TLS

final class Server {
    var sessions: TLSSessions

    /// What one or several calls took and gave.
    struct Step {
        var state = TLSState.handshaking
        var consumed = 0
        var plaintext: [UInt8] = []
        var output: [UInt8] = []
        var datagrams: [[UInt8]] = []
    }

    init(capacity: Int = 4) { sessions = TLSSessions(capacity: capacity) }

    func open(_ context: TLSContext, at index: UInt32 = 0) -> Bool { sessions.open(index, context) }
    var count: Int { sessions.count }
    /// On a clock that says 5 s.
    var nextTimer: UInt64? { sessions.nextTimer(0, nowNanoseconds: 5_000_000_000) }
    var isOpen: Bool { sessions.isOpen(0) }
    var isHandshaking: Bool { sessions.isHandshaking(0) }
    var version: TLSVersion? { sessions.version(0) }
    var isResumed: Bool { sessions.isResumed(0) }
    var applicationProtocol: TLSApplicationProtocol { sessions.applicationProtocol(0) }

    func began(with hello: [UInt8]) -> Bool { sessions.began(0, with: hello.span.bytes) }

    /// One call.
    func step(
        _ bytes: [UInt8],
        at index: UInt32 = 0,
        plaintextRoom: Int = 20_000,
        outputRoom: Int = 20_000
    ) -> Step {
        var plaintext = [UInt8](repeating: 0, count: plaintextRoom)
        var output = [UInt8](repeating: 0, count: outputRoom)
        var plaintextSpan = plaintext.mutableSpan
        var outputSpan = output.mutableSpan
        var plaintextBytes = plaintextSpan.mutableBytes
        var outputBytes = outputSpan.mutableBytes
        let progress = sessions.receive(
            index,
            ciphertext: bytes.span.bytes,
            plaintext: &plaintextBytes,
            output: &outputBytes
        )
        return Step(progress, plaintext, output)
    }

    /// Calls until the session waits, with all of the bytes taken.
    func receive(
        _ bytes: [UInt8],
        at index: UInt32 = 0,
        plaintextRoom: Int = 20_000,
        outputRoom: Int = 20_000
    ) -> Step {
        var all = Step()
        while true {
            let rest = Array(bytes.dropFirst(all.consumed))
            let one = step(rest, at: index, plaintextRoom: plaintextRoom, outputRoom: outputRoom)
            all.add(one)
            if one.state != .morePlaintext && one.state != .needsOutputRoom { return all }
        }
    }

    func write(
        _ bytes: [UInt8],
        at index: UInt32 = 0,
        outputRoom: Int = 20_000
    ) -> (writing: TLSWriting, output: [UInt8]) {
        var output = [UInt8](repeating: 0, count: outputRoom)
        var span = output.mutableSpan
        var outputBytes = span.mutableBytes
        let result = sessions.write(index, plaintext: bytes.span.bytes, output: &outputBytes)
        return (result.writing, Array(output.prefix(result.outputCount)))
    }

    func close(_ index: UInt32 = 0) -> Step {
        var output = [UInt8](repeating: 0, count: 1000)
        var span = output.mutableSpan
        var bytes = span.mutableBytes
        return Step(sessions.close(index, output: &bytes), [], output)
    }

    func retransmit(_ index: UInt32 = 0) -> Step {
        var output = [UInt8](repeating: 0, count: 20_000)
        var span = output.mutableSpan
        var bytes = span.mutableBytes
        return Step(sessions.retransmit(index, output: &bytes), [], output)
    }

    func listen(
        _ datagram: [UInt8],
        from address: [UInt8] = [1, 2, 3, 4],
        seconds: UInt64 = 1000,
        at index: UInt32 = 0,
        _ context: TLSContext,
        outputRoom: Int = 128
    ) -> (hello: DTLSHello, output: [UInt8]) {
        var output = [UInt8](repeating: 0, count: outputRoom)
        var span = output.mutableSpan
        var bytes = span.mutableBytes
        let hello = sessions.listen(
            datagram.span.bytes,
            from: address.span.bytes,
            seconds: seconds,
            at: index,
            context,
            output: &bytes
        )
        guard case .verify(let count) = hello else { return (hello, []) }
        return (hello, Array(output.prefix(count)))
    }
}

extension Server.Step {
    init(_ progress: TLSProgress, _ plaintext: [UInt8], _ output: [UInt8]) {
        state = progress.state
        consumed = progress.consumed
        self.plaintext = Array(plaintext.prefix(progress.plaintextCount))
        self.output = Array(output.prefix(progress.outputCount))
        var start = 0
        for index in 0..<progress.datagrams.count {
            let end = start + progress.datagrams[index]
            datagrams.append(Array(output[start..<end]))
            start = end
        }
    }

    mutating func add(_ next: Server.Step) {
        state = next.state
        consumed += next.consumed
        plaintext += next.plaintext
        output += next.output
        datagrams += next.datagrams
    }
}

/// Bytes that are not all the same.
func pattern(_ count: Int, seed: Int = 1) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8 &+ seed) }
}

/// A client and a server's session, and the wire between them.
struct Pair {
    let client: Client
    let server: Server
    let index: UInt32

    /// A session in a place that is free.
    init(_ context: TLSContext, _ client: Client, _ server: Server = Server(), index: UInt32 = 0) {
        self.client = client
        self.server = server
        self.index = index
        precondition(server.open(context, at: index))
    }

    /// Both talk until neither has more to say; what the server came to.
    @discardableResult
    func talk(pieces: Int = .max, outputRoom: Int = 20_000) -> Server.Step {
        var all = Server.Step()
        while true {
            client.handshake()
            let sent = client.take().flatMap { $0 }
            if sent.isEmpty { return all }
            for start in stride(from: 0, to: sent.count, by: min(pieces, sent.count)) {
                let piece = Array(sent[start..<min(start + min(pieces, sent.count), sent.count)])
                let step = server.receive(piece, at: index, outputRoom: outputRoom)
                client.feed(step.output)
                all.add(step)
                if case .failed = step.state {
                    client.handshake()
                    return all
                }
            }
        }
    }

    /// A pair whose handshake is done.
    static func established(_ version: Int = 13, offersHTTP: Bool = false) throws -> Pair {
        let pair = Pair(
            try Certificates.context(offersHTTP: offersHTTP),
            Client(minimum: version, maximum: version)
        )
        pair.talk()
        return pair
    }
}
