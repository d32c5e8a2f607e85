/// Hellos of DTLS: a stranger proves its address, and a client that has lost its session begins anew.
///
/// A new handshake goes on beside the session that its client has, which it replaces when it is done (RFC 6347 4.2.8):
/// until then nobody knows whether a hello is the client's or a late copy of one. The session takes in what comes as
/// ever; what may be of a handshake goes to its successor too, and each drops what is not its own.

internal import IOURing
internal import STUN
internal import TLS
internal import TURN

extension RelayEngine {
    /// Handles a ClientHello: of a stranger, or of a client that begins anew.
    @inline(never)
    mutating func receiveHello<Opener: RelayOpener & ~Copyable>(
        _ message: ClientMessage,
        _ range: Range<Int>,
        at now: Now,
        opener: inout Opener
    ) {
        if isCopy(message, range) { return }
        guard let index = listen(message, range, at: now, opener: &opener) else { return }
        receiveRecord(message.buffer, 0..<0, of: index, at: now, opener: &opener)
    }

    /// Hands what may be of a handshake to the session with which a client begins anew.
    @inline(never)
    mutating func receiveForSuccessor<Opener: RelayOpener & ~Copyable>(
        of index: ConnectionIndex,
        _ buffer: BufferIndex,
        _ range: Range<Int>,
        at now: Now,
        opener: inout Opener
    ) {
        guard TLSSessions.mayBeOfHandshake(pool.bytes(buffer, range)), takeStep() else { return }
        receiveRecord(buffer, range, of: connections[index].successor, at: now, opener: &opener)
    }

    /// Whether this pass may do another step of a handshake; the client repeats what it said if not.
    mutating func takeStep() -> Bool {
        guard security.datagramStepsLeft > 0 else {
            security.delayed &+= 1
            return false
        }
        security.datagramStepsLeft -= 1
        return true
    }

    /// Whether a ClientHello began a session that its client has; the session does without a copy.
    private func isCopy(_ message: ClientMessage, _ range: Range<Int>) -> Bool {
        guard let index = security.clients.value(of: message.fiveTuple) else { return false }
        let hello = pool.bytes(message.buffer, range)
        if security.sessions.began(index.rawValue, with: hello) { return true }
        let successor = connections[index].successor
        return successor != .none && security.sessions.began(successor.rawValue, with: hello)
    }

    // MARK: Proving an address

    /// Answers a ClientHello; with our cookie in it, it is a client's.
    private mutating func listen<Opener: RelayOpener & ~Copyable>(
        _ message: ClientMessage,
        _ range: Range<Int>,
        at now: Now,
        opener: inout Opener
    ) -> ConnectionIndex? {
        guard let context = security.datagram, let place = connections.nextPlace,
            server.mayAnswerStranger(message.fiveTuple, at: now)
        else {
            connections.statistics.refused &+= 1
            return nil
        }
        let scratch = connections.scratch
        let hello = Self.listen(
            message,
            range,
            seconds: now.seconds,
            at: place,
            context,
            &security.sessions,
            pool,
            &connections.chunks,
            scratch
        )
        switch hello {
        case .ignored: return nil
        case .verify(let count):
            security.hellos &+= 1
            sendDatagram(0..<count, of: scratch, to: message.fiveTuple)
            return nil
        case .accepted:
            guard takeStep() else {
                security.sessions.discard(place.rawValue)
                return nil
            }
            return accept(message.fiveTuple, at: place, now, opener: &opener)
        }
    }

    private static func listen(
        _ message: ClientMessage,
        _ range: Range<Int>,
        seconds: UInt64,
        at place: ConnectionIndex,
        _ context: TLSContext,
        _ sessions: inout TLSSessions,
        _ pool: borrowing BufferPool,
        _ chunks: inout BufferPool,
        _ scratch: BufferIndex
    ) -> DTLSHello {
        let client = message.fiveTuple.client
        let address: [3 of UInt64] = [client.ip.high, client.ip.low, UInt64(client.port)]
        // SAFETY: integers have no padding.
        let bytes = unsafe address.span.bytes
        var output = chunks.mutableBytes(scratch, 0..<chunks.size)
        return sessions.listen(
            pool.bytes(message.buffer, range),
            from: bytes,
            seconds: seconds,
            at: place.rawValue,
            context,
            output: &output
        )
    }

    private mutating func accept<Opener: RelayOpener & ~Copyable>(
        _ client: FiveTuple,
        at place: ConnectionIndex,
        _ now: Now,
        opener: inout Opener
    ) -> ConnectionIndex? {
        var fiveTuple = client
        fiveTuple.transport = .dtls
        guard connections.open(fiveTuple, descriptor: -1, at: now.seconds) == place else {
            security.sessions.discard(place.rawValue)
            return nil
        }
        connections[place].layer = .dtls
        if let index = security.clients.value(of: client) {
            follow(index, by: place, at: now, opener: &opener)
        } else {
            enter(place, as: client)
        }
        beginHandshake(place, at: now, opener: &opener)
        return place
    }

    // MARK: Beginning anew

    /// Lets a new handshake go on beside the session that its client has; of two handshakes the newer counts.
    private mutating func follow<Opener: RelayOpener & ~Copyable>(
        _ index: ConnectionIndex,
        by newer: ConnectionIndex,
        at now: Now,
        opener: inout Opener
    ) {
        let older = connections[index].successor
        if connections[index].phase == .open, security.sessions.isHandshaking(index.rawValue) {
            enter(newer, as: client(of: index))
            end(index, draining: false, at: now, opener: &opener)
            return
        }
        connections[index].successor = newer
        if older != .none { end(older, draining: false, at: now, opener: &opener) }
    }

    /// Ends the session that a client had before the one whose handshake is done.
    @inline(never)
    mutating func replacePredecessor<Opener: RelayOpener & ~Copyable>(
        by index: ConnectionIndex,
        at now: Now,
        opener: inout Opener
    ) {
        let client = client(of: index)
        guard let older = security.clients.value(of: client), older != index else { return }
        connections[older].successor = .none
        enter(index, as: client)
        end(older, draining: false, at: now, opener: &opener)
    }

    /// Forgets that a client has a session; a handshake that goes on beside it is all it has then.
    mutating func forgetClient(of index: ConnectionIndex) {
        let client = client(of: index)
        guard let current = security.clients.value(of: client) else { return }
        let successor = connections[index].successor
        if current == index, successor != .none {
            enter(successor, as: client)
        } else if current == index {
            security.clients.remove(client)
        } else if connections[current].successor == index {
            connections[current].successor = .none
        }
    }

    /// There is room for all: as many as connections.
    private mutating func enter(_ index: ConnectionIndex, as client: FiveTuple) {
        _ = security.clients.insert(index, for: client)
    }

    /// A client as its datagrams name it.
    private func client(of index: ConnectionIndex) -> FiveTuple {
        let fiveTuple = connections[index].fiveTuple
        return FiveTuple(client: fiveTuple.client, listener: fiveTuple.listener)
    }
}
