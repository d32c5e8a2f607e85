/// What peers send while an allocation moves to another thread (RFC 8016): it follows, so that nothing is lost.
///
/// Until the allocation goes, deliveries to a connection of the other thread are passed on one by one; afterwards that
/// thread gets what the receive here, which takes a pass or two to end, has still taken from the socket.

internal import IOURing
public import STUN
public import TURN

/// A word for another thread, kept until the end of a pass in which there is room for it in that thread's mailbox.
struct Parcel {
    let thread: Int
    let handover: Handover
    let byteCount: Int
}

/// Who has a relayed socket whose receive ends here.
struct Heir {
    let thread: Int
    /// The client, in the eyes of that thread.
    let client: FiveTuple
    let family: AddressFamily
}

/// The bytes of a received buffer, for the thread that has the client.
public struct PassedTrain: Sendable {
    /// Datagrams of one size, the last perhaps shorter.
    public let bytes: [UInt8]
    /// The client, in the eyes of the thread that has it.
    public let client: FiveTuple
    /// The family of the relayed address that they came to.
    public let family: AddressFamily
    /// The peer.
    public let source: TransportAddress
    /// Bytes of each but the last; 0 when there is but one.
    public let segmentSize: Int
    let trafficClass: UInt8
}

extension RelayEngine {
    /// Notes who gets what is still received on a socket.
    mutating func bequeath(_ relay: RelayIndex, to heir: Heir) {
        heirs[relay] = heir
        hasHeirs = true
    }

    /// The receive has ended, and the number may become another socket's.
    @inline(never)
    public mutating func forgetHeir(of relay: RelayIndex) {
        heirs[relay] = nil
        hasHeirs = !heirs.isEmpty
    }

    /// Sends a received buffer after its socket, if that is another thread's now.
    @inline(never)
    mutating func passOn(_ received: ReceivedBuffer, from relay: RelayIndex) -> Bool {
        guard let heir = heirs[relay] else { return false }
        let range = received.offset..<(received.offset &+ received.count)
        let train = PassedTrain(
            bytes: Self.copy(range, of: received.buffer, in: pool),
            client: heir.client,
            family: heir.family,
            source: received.source,
            segmentSize: received.segmentSize,
            trafficClass: received.trafficClass
        )
        let parcel = Parcel(
            thread: heir.thread,
            handover: .train(train),
            byteCount: received.count
        )
        keep(parcel, datagrams: received.datagramCount)
        release(received.buffer)
        return true
    }

    /// Sends datagrams of a peer to the thread that has their client's connection.
    @inline(never)
    mutating func passOn(
        _ datagram: OutgoingDatagram,
        times: Int,
        stride: Int,
        to client: FiveTuple
    ) {
        let header = datagram.headerOffset..<(datagram.headerOffset &+ datagram.headerCount)
        let start = Self.copy(header, of: datagram.buffer, in: pool)
        let padding = [UInt8](repeating: 0, count: datagram.paddingCount)
        for number in 0..<times {
            let offset = datagram.payloadOffset &+ number &* stride
            let payload = offset..<(offset &+ datagram.payloadCount)
            let message = start + Self.copy(payload, of: datagram.buffer, in: pool) + padding
            let parcel = Parcel(
                thread: client.connection.thread,
                handover: .delivery(message, to: client.native),
                byteCount: message.count
            )
            keep(parcel, datagrams: 1)
        }
    }

    private mutating func keep(_ parcel: Parcel, datagrams: UInt64) {
        let bytes = parcels.reduce(parcel.byteCount) { $0 + $1.byteCount }
        guard parcels.count < Limits.parcelsPerPass, bytes <= Limits.parcelBytes else {
            return statistics.dropsHandover &+= datagrams
        }
        parcels.append(parcel)
    }

    /// Sends a message of another thread to a client on a connection.
    mutating func deliver(_ message: [UInt8], to client: FiveTuple) {
        guard client.connection != .none, isThere(client), let buffer = buffer(with: message) else {
            return statistics.dropsHandover &+= 1
        }
        let outgoing = OutgoingDatagram(
            socket: registeredFiles.file(of: client.listener),
            destination: SocketAddress(client.client),
            buffer: buffer,
            payloadOffset: Limits.headroom,
            payloadCount: message.count
        )
        append(outgoing, times: 1, stride: 0, to: client.connection)
        release(buffer)
    }

    /// Handles what another thread received on a socket that is this thread's now.
    mutating func receive(_ train: PassedTrain, at now: Now) {
        guard let relay = server.relay(of: train.client, train.family),
            let buffer = buffer(with: train.bytes)
        else { return statistics.dropsHandover &+= 1 }
        let received = ReceivedBuffer(
            buffer: buffer,
            source: train.source,
            offset: Limits.headroom,
            count: train.bytes.count,
            segmentSize: train.segmentSize,
            trafficClass: train.trafficClass
        )
        receive(received, on: relay, at: now)
    }

    /// A buffer with these bytes behind its headroom, held by this pass; `nil` when there is none, or they do not fit.
    private mutating func buffer(with bytes: [UInt8]) -> BufferIndex? {
        guard bytes.count <= pool.size - Limits.headroom, let buffer = pool.take() else {
            return nil
        }
        pool.write(bytes.span.rawBytes, to: buffer, at: Limits.headroom)
        return buffer
    }
}
