import Glibc
import Synchronization
import Testing

@testable import IOURing

/// A ring with a pool and a buffer ring, as a relay thread has them, on the test's own thread.
struct Harness: ~Copyable {
    static let receiveKind: UInt8 = 1
    static let sendKind: UInt8 = 2

    var ring: Ring
    var pool: BufferPool
    var bufferRing: BufferRing
    var batch: SendBatch

    init(
        entries: Int = 64,
        completionEntries: Int = 256,
        buffers: Int = 16,
        bufferSize: Int = 65_536 + 112,
        outgoing: Int = 16
    ) throws {
        var ring = try Ring(entries: entries, completionEntries: completionEntries, files: 64)
        var pool = try BufferPool(
            count: buffers + outgoing,
            size: bufferSize,
            hugePages: false,
            node: nil
        )
        var bufferRing = try BufferRing(capacity: buffers + outgoing)
        let batch = try SendBatch(slots: 64, segmentation: true)
        try ring.attach(bufferRing)
        for _ in 0..<buffers {
            let buffer = try require(pool.take())
            bufferRing.add(buffer, pool: &pool)
        }
        bufferRing.publish()
        self.ring = ring
        self.pool = pool
        self.bufferRing = bufferRing
        self.batch = batch
    }

    /// A bound socket, registered at `file`; the ring keeps it open.
    mutating func open(
        file: UInt32,
        _ address: SocketAddress = .own(),
        options: DatagramSocketOptions = DatagramSocketOptions()
    ) throws -> SocketAddress {
        let socket = try DatagramSocket(boundTo: address, options: options)
        try ring.register(file: socket.descriptor, at: file)
        return try socket.localAddress()
    }

    mutating func arm(file: UInt32, generation: UInt32 = 0) {
        let token = Token(kind: Self.receiveKind, generation: generation, index: file)
        let isArmed = ring.armReceive(file: file, token: token)
        #expect(isArmed)
    }

    /// One pass: waits up to half a minute for a completion, and takes what is there.
    mutating func pass() -> [Completion] {
        bufferRing.publish()
        _ = ring.enter(
            waitFor: 1,
            batchWaitMicroseconds: 0,
            timeoutNanoseconds: 30_000_000_000
        )
        var completions: [Completion] = []
        while let completion = ring.nextCompletion() { completions.append(completion) }
        return completions
    }

    /// Passes until `count` receive completions have come, or one pass brings nothing.
    mutating func receives(_ count: Int) -> [Completion] {
        var completions: [Completion] = []
        while completions.count < count {
            let new = pass()
            if new.isEmpty { break }
            completions += new.filter { $0.token.kind == Self.receiveKind }
        }
        return completions
    }

    /// The datagram of a receive completion; its buffer goes back to the kernel.
    mutating func take(_ completion: Completion) throws -> Arrival {
        let buffer = try #require(completion.buffer)
        pool.received(buffer)
        let arrival = Arrival(in: pool.bytes(buffer, 0..<Int(completion.result)))
        if pool.release(buffer) { bufferRing.add(buffer, pool: &pool) }
        return try #require(arrival)
    }

    /// Puts a datagram with these bytes into the batch.
    mutating func append(
        _ bytes: [UInt8],
        from file: UInt32,
        to address: SocketAddress,
        marks: PacketMarks = PacketMarks()
    ) throws {
        let buffer = try require(pool.take())
        pool.fill(buffer, bytes)
        let datagram = OutgoingDatagram(
            socket: file,
            destination: address,
            buffer: buffer,
            payloadOffset: 0,
            payloadCount: bytes.count,
            marks: marks
        )
        let isTaken = batch.append(datagram, pool: &pool)
        #expect(isTaken)
        if pool.release(buffer) { pool.free(buffer) }
    }

    /// Ends the pass and gives every pending send to the ring.
    mutating func prepareSends() {
        batch.seal()
        preparePending()
    }

    mutating func preparePending() {
        while let slot = batch.nextPending() {
            let token = Token(kind: Self.sendKind, index: slot.rawValue)
            let isPrepared = ring.prepareSend(&batch, slot: slot, token: token)
            #expect(isPrepared)
        }
    }

    /// Completes the sends among some completions.
    mutating func complete(_ completions: [Completion]) -> [SendOutcome] {
        var outcomes: [SendOutcome] = []
        for completion in completions where completion.token.kind == Self.sendKind {
            let slot = SlotIndex(rawValue: completion.token.index)
            outcomes.append(batch.complete(slot, result: completion.result, pool: &pool))
            while let buffer = batch.takeReleased() { pool.free(buffer) }
        }
        return outcomes
    }

    /// Sends what is in the batch and waits until it is done.
    mutating func send() -> [SendOutcome] {
        prepareSends()
        _ = ring.enter(waitFor: 0, batchWaitMicroseconds: 0, timeoutNanoseconds: nil)
        var completions: [Completion] = []
        while let completion = ring.nextCompletion() { completions.append(completion) }
        return complete(completions)
    }
}

/// What arrived.
struct Arrival {
    let datagram: ReceivedDatagram
    let payload: [UInt8]

    init?(in bytes: RawSpan) {
        guard let received = ReceivedDatagram(in: bytes) else { return nil }
        let end = received.payloadOffset + received.payloadCount
        datagram = received
        payload = Array(bytes.extracting(received.payloadOffset..<end))
    }
}

extension BufferPool {
    mutating func fill(_ buffer: BufferIndex, at offset: Int = 0, _ bytes: [UInt8]) {
        var span = mutableBytes(buffer, offset..<offset + bytes.count)
        for (index, byte) in bytes.enumerated() {
            span.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
        }
    }
}

extension Array where Element == UInt8 {
    init(_ bytes: RawSpan) {
        self = bytes.withUnsafeBytes { Array($0) }
    }
}

/// A socket of the ordinary kind, for the far end.
struct PlainSocket: ~Copyable {
    let socket: DatagramSocket
    let address: SocketAddress

    init(_ address: SocketAddress = .own(), receiveBuffer: Int = 1 << 20) throws {
        var options = DatagramSocketOptions()
        options.coalescesReceives = false
        options.receiveBuffer = receiveBuffer
        let socket = try DatagramSocket(boundTo: address, options: options)
        self.address = try socket.localAddress()
        self.socket = socket
    }

    func send(_ bytes: [UInt8], to address: SocketAddress) throws {
        var storage = sockaddr_storage()
        let sent = withUnsafeMutableBytes(of: &storage) { name in
            let count = address.store(to: name.baseAddress.unsafelyUnwrapped)
            return sendto(
                socket.descriptor,
                bytes,
                bytes.count,
                0,
                name.baseAddress?.assumingMemoryBound(to: sockaddr.self),
                UInt32(count)
            )
        }
        try #require(sent == bytes.count)
    }

    /// The next datagram; `nil` when none comes within half a minute.
    func receive() -> [UInt8]? {
        var poll = pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0)
        guard Glibc.poll(&poll, 1, 30_000) == 1 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = recv(socket.descriptor, &bytes, bytes.count, 0)
        return count >= 0 ? Array(bytes.prefix(count)) : nil
    }

    func set(_ level: Int32, _ option: Int32, _ value: Int32) -> Bool {
        var value = value
        return setsockopt(socket.descriptor, level, option, &value, 4) == 0
    }
}

extension SocketAddress {
    private static let count = Atomic<UInt32>(0)

    /// A loopback address, without a port, where no other test and no other process has any: a port that was
    /// closed there stays free, and nothing comes to it from elsewhere.
    static func own(_ family: Family = .ipv4) -> SocketAddress {
        // IPv6 has but one.
        if family == .ipv6 { return .loopback(.ipv6) }
        let number = count.wrappingAdd(1, ordering: .relaxed).newValue & 0x7FF
        let process = UInt32(getpid()) % 0xFFF + 1
        return SocketAddress(ipv4: 0x7F80_0000 | process << 11 | number, port: 0)
    }
}

/// SplitMix64: the same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}

// The macros of the Testing library copy what they look into; these do not.

/// Expects a condition that is found with the help of noncopyable values.
func expect(_ condition: Bool, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(condition, sourceLocation: sourceLocation)
}

/// Requires a value that is found with the help of noncopyable values.
func require<Value>(
    _ value: Value?,
    sourceLocation: SourceLocation = #_sourceLocation
) throws -> Value {
    try #require(value, sourceLocation: sourceLocation)
}
