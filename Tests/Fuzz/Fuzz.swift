/// libFuzzer's entry: each input is a short life of a TURN server, told as a sequence of datagrams.
///
/// An input is read as steps: a byte that says from where, a byte that says when, two bytes of length, and the datagram.
/// Nobody has to authenticate, so that chance gets behind the credentials.

import STUN
import TURN

/// What a step's first byte chooses: one of four clients, or one of four peers on one of four relayed sockets.
private struct Origin {
    let isPeer: Bool
    let index: UInt32
    let relay: UInt32

    init(_ byte: UInt8) {
        isPeer = byte & 0x80 != 0
        index = UInt32(byte & 3)
        relay = UInt32(byte >> 2 & 3)
    }

    /// Clients are 192.0.2.1 and following, peers are 8.8.8.1 and following.
    var address: TransportAddress {
        let base: UInt32 = isPeer ? 0x0808_0801 : 0xC000_0201
        return TransportAddress(ip: IPAddress(ipv4: base + index), port: 5000)
    }
}

/// A server, and the relayed sockets that it has.
private struct Life: ~Copyable {
    private var server: TURNServer
    private var now = Now(monotonic: Instant(nanoseconds: 0), unixSeconds: 1_800_000_000)
    private var relaysOpened: UInt32 = 0

    init() {
        var configuration = ServerConfiguration()
        configuration.isAuthenticationRequired = false
        configuration.relayIPv4 = IPAddress(ipv4: 0xC633_6401)
        configuration.relayIPv6 = IPAddress(ipv6High: 0x2606_4700_0000_0000, low: 1)
        configuration.allocationCapacity = 4
        configuration.unauthenticatedPerSecond = 0
        configuration.unauthenticatedTotalPerSecond = 0
        server = TURNServer(configuration: configuration, seed: [UInt8](repeating: 7, count: 32))
    }

    /// Takes one step; up to four minutes go by before it.
    mutating func step(_ origin: Origin, after delay: UInt8, _ datagram: RawSpan) {
        now.monotonic.nanoseconds += UInt64(delay) * 1_000_000_000
        server.expire(at: now, limit: 16)
        if origin.isPeer {
            receive(from: origin, count: datagram.byteCount)
        } else {
            receive(datagram, from: origin)
        }
        while server.nextCommand() != nil {}
    }

    private mutating func receive(_ datagram: RawSpan, from origin: Origin) {
        var reply = [UInt8](repeating: 0, count: 1500)
        var span = reply.mutableSpan
        var buffer = span.mutableBytes
        let verdict = server.receive(
            datagram,
            from: FiveTuple(client: origin.address, listener: ListenerIndex(rawValue: 0)),
            at: now,
            reply: &buffer
        )
        switch verdict {
        case .drop, .elsewhere: break
        case .reply(let count), .replyElsewhere(let count, _): precondition(count <= 1500)
        case .forward(let forward):
            precondition(forward.offset >= 0 && forward.count >= 0)
            precondition(forward.offset + forward.count <= datagram.byteCount)
        case .open:
            let relay = RelayIndex(rawValue: relaysOpened % 8)
            relaysOpened += 1
            let outcome = RelayOutcome.opened(relay: relay, port: 50_000)
            _ = server.finishAllocate(outcome, at: now, reply: &buffer)
        case .connect, .join: preconditionFailure("TCP is not relayed")
        }
    }

    private mutating func receive(from origin: Origin, count: Int) {
        let verdict = server.receive(
            fromPeer: origin.address,
            on: RelayIndex(rawValue: origin.relay),
            count: count,
            at: now
        )
        guard case .deliver(let delivery) = verdict else { return }
        var reply = [UInt8](repeating: 0, count: 1500)
        var span = reply.mutableSpan
        var buffer = span.mutableBytes
        let headerCount = TURNServer.writeHeader(of: delivery, count: count, into: &buffer)
        precondition(headerCount <= 64)
    }
}

/// Called by libFuzzer with each input.
@c(LLVMFuzzerTestOneInput)
public func testOneInput(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: bytes, count: count)
    var life = Life()
    var offset = 0
    while offset + 4 <= count {
        let length = Int(input[offset + 2]) << 8 | Int(input[offset + 3])
        let begin = offset + 4
        let end = min(begin + length, count)
        let datagram = UnsafeRawBufferPointer(rebasing: input[begin..<end]).bytes
        life.step(Origin(input[offset]), after: input[offset + 1], datagram)
        offset = end
    }
    return 0
}
