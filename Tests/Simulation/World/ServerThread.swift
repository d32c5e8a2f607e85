/// One relay thread of the server, with a simulated kernel below it.

import IOURing
import RelayLoop
import STUN
import TURN

/// Datagrams that arrived at a socket of the server and wait for the next pass.
struct Arrival {
    let socket: ServerSocket
    /// Who sent it; of an error, to whom it was sent.
    let source: Endpoint
    let bytes: [UInt8]
    /// It is no datagram, but an ICMP message in the socket's queue of errors.
    var error: ICMPMessage?
}

/// One send that the server asked for, as it would be on the wire.
struct WireImage {
    let slot: SlotIndex
    let flow: Flow
    /// The sending socket's address.
    let source: Endpoint
    let datagrams: [[UInt8]]
    let isDontFragment: Bool

    var byteCount: Int { datagrams.reduce(0) { $0 + $1.count } }
}

/// The relay engine of a thread with its buffers and sockets.
final class ServerThread {
    static let bufferSize = 16_384
    static let headroom = 256

    let index: Int
    var engine: RelayEngine
    var sockets: SimulatedSockets
    /// Buffers that the kernel may fill.
    private var lent: [BufferIndex] = []
    private let lentTarget: Int
    private let files: RegisteredFiles
    private let sendSlots: Int
    /// Send slots that a datagram may need: a peer's goes to two paths of a client that moves.
    private let slotsEach: Int
    /// What waits in the sockets' receive buffers.
    var inbox: [Arrival] = []
    /// What other threads sent.
    var letters: [Letter] = []

    init(
        index: Int,
        scenario: Scenario,
        sockets: SimulatedSockets,
        seed: [UInt8]
    ) throws(Errno) {
        let configuration = scenario.configuration()
        self.index = index
        self.sockets = sockets
        sendSlots = scenario.sendSlots
        slotsEach = scenario.allowsMobility ? 2 : 1
        files = RegisteredFiles(
            listeners: Scenario.listeners.count,
            relays: configuration.relayIndexLimit
        )
        engine = try RelayEngine(
            server: TURNServer(configuration: configuration, seed: seed),
            pool: try BufferPool(
                count: scenario.bufferCount,
                size: Self.bufferSize,
                hugePages: false,
                node: nil
            ),
            batch: try SendBatch(slots: scenario.sendSlots, segmentation: scenario.isSegmenting),
            registeredFiles: files
        )
        engine.take(place: index, of: scenario.threads, mayMove: scenario.allowsMobility)
        lentTarget = max(1, scenario.bufferCount - max(2, scenario.bufferCount / 4))
        lendBuffers()
    }

    /// Hands the oldest arrivals to the engine, as many as make one receive.
    ///
    /// - Parameters:
    ///   - isCoalescing: joins datagrams of one sender as UDP GRO does.
    ///   - now: the time of this pass.
    /// - Returns: what was handed over; empty when there is nothing, or no room for it.
    func receiveNext(isCoalescing: Bool, at now: Now) -> [Arrival] {
        if let first = inbox.first, let error = first.error {
            return receive(error, first, at: now)
        }
        let count = isCoalescing ? trainLength() : min(1, inbox.count)
        guard count > 0, engine.batch.freeSlots > count * slotsEach, engine.pool.freeCount > 0,
            let buffer = lent.popLast()
        else { return [] }
        let train = Array(inbox.prefix(count))
        inbox.removeFirst(count)
        engine.pool.received(buffer)
        Self.fill(buffer, of: &engine.pool, with: train.flatMap(\.bytes))
        let received = ReceivedBuffer(
            buffer: buffer,
            source: train[0].source.asTransportAddress,
            offset: Self.headroom,
            count: train.reduce(0) { $0 + $1.bytes.count },
            segmentSize: train.count > 1 ? train[0].bytes.count : 0
        )
        switch train[0].socket {
        case .listener(let index):
            let listener = ListenerIndex(rawValue: UInt16(index))
            engine.receive(received, on: listener, at: now, opener: &sockets)
        case .relay(let index):
            engine.receive(received, on: RelayIndex(rawValue: index), at: now)
        }
        return train
    }

    private func receive(
        _ error: ICMPMessage,
        _ arrival: Arrival,
        at now: Now
    ) -> [Arrival] {
        guard case .relay(let index) = arrival.socket, engine.batch.freeSlots > 1,
            engine.pool.freeCount > 0
        else { return [] }
        inbox.removeFirst()
        engine.receive(
            ICMPError(type: error.type, code: error.code, mtu: error.mtu),
            about: arrival.source.asTransportAddress,
            on: RelayIndex(rawValue: index),
            at: now
        )
        return [arrival]
    }

    /// Hands the oldest word of another thread to the engine; nil when there is none, or no room for what it may need.
    func receiveNextLetter(through post: SimulatedPost, at now: Now) -> Letter? {
        guard let letter = letters.first, engine.pool.freeCount > 1,
            engine.batch.freeSlots > letter.datagrams * slotsEach
        else { return nil }
        letters.removeFirst()
        engine.receive(letter.handover, through: post, at: now, sockets: &sockets)
        return letter
    }

    /// Datagrams that the kernel may coalesce: one sender and socket, one size, the last perhaps
    /// shorter.
    private func trainLength() -> Int {
        guard let first = inbox.first else { return 0 }
        guard !first.bytes.isEmpty else { return 1 }
        var count = 1
        var bytes = first.bytes.count
        while count < min(inbox.count, 64) {
            let next = inbox[count]
            bytes += next.bytes.count
            guard next.socket == first.socket, next.error == nil, next.source == first.source,
                1...first.bytes.count ~= next.bytes.count,
                bytes <= Self.bufferSize - Self.headroom,
                engine.batch.freeSlots > (count + 1) * slotsEach
            else { break }
            count += 1
            if next.bytes.count < first.bytes.count { break }
        }
        return count
    }

    private static func fill(
        _ buffer: BufferIndex,
        of pool: inout BufferPool,
        with bytes: [UInt8]
    ) {
        var target = pool.mutableBytes(buffer, headroom..<headroom + bytes.count)
        target.withUnsafeMutableBytes { $0.copyBytes(from: bytes) }
    }

    /// Refills the kernel's ring of buffers.
    func lendBuffers() {
        while lent.count < lentTarget, engine.pool.freeCount > 2 || lent.isEmpty,
            let buffer = engine.pool.take()
        {
            engine.pool.lend(buffer)
            lent.append(buffer)
        }
    }

    /// The next send of this pass.
    func nextSend() -> WireImage? {
        guard let slot = engine.nextPendingSend() else { return nil }
        let image = engine.batch.wireImage(of: slot)
        let socket: ServerSocket
        let source: Endpoint
        switch files.endpoint(of: image.socket) {
        case .listener(let listener):
            socket = .listener(Int(listener.rawValue))
            source = Scenario.listeners[Int(listener.rawValue)]
        case .relay(let relay):
            socket = .relay(relay.rawValue)
            source =
                sockets.sockets[relay.rawValue]?.endpoint
                ?? Endpoint(address: Address(0, 0, 0, 0), port: 0)
        case .connection: return nil
        }
        let flow = Flow(
            thread: index,
            socket: socket,
            destination: Endpoint(image.destination)
        )
        return WireImage(
            slot: slot,
            flow: flow,
            source: source,
            datagrams: image.datagrams,
            isDontFragment: image.marks.isDontFragment
        )
    }

    /// Every buffer is in exactly one place, and none is held when no send is under way.
    func checkBuffers(sendsUnderWay: Int) throws(Violation) {
        var held = 0
        var kernel = 0
        var free = 0
        for number in 0..<engine.pool.count {
            switch engine.pool.place(of: BufferIndex(rawValue: UInt32(number))) {
            case .free: free += 1
            case .kernel: kernel += 1
            case .held(let references):
                held += 1
                if references < 1 { throw Violation("buffer \(number) is held by nobody") }
            }
        }
        guard free == engine.pool.freeCount, kernel == lent.count else {
            throw Violation("buffers astray: \(free) free, \(kernel) lent, \(held) held")
        }
        guard sendsUnderWay > 0 || held == 0 else {
            throw Violation("\(held) buffers are held and no send is under way")
        }
        guard sendsUnderWay > 0 || engine.batch.freeSlots == sendSlots else {
            throw Violation("\(sendSlots - engine.batch.freeSlots) send slots are lost")
        }
    }
}

extension Endpoint {
    init(_ address: SocketAddress) {
        switch address.family {
        case .ipv4:
            self.init(
                address: Address(ipv4: UInt32(truncatingIfNeeded: address.low)),
                port: address.port
            )
        case .ipv6:
            self.init(
                address: Address(ipv6High: address.high, low: address.low),
                port: address.port
            )
        }
    }
}
