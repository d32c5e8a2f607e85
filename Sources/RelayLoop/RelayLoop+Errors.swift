/// Errors that relayed sockets learn of after a datagram has left: ICMP messages about peers.
///
/// The kernel queues each message with its socket, and lets the next send or receive fail in place of the one that
/// drew it, to whatever peer that goes. So such a send is made again at once, and one peer that is gone costs the
/// others nothing; such a receive is armed again; and what is queued is read before the pass ends.

internal import IOURing
internal import STUN
internal import TURN

extension RelayLoop {
    /// A send has failed; rare, so it stays out of line.
    @inline(never)
    mutating func sendFailed(_ slot: SlotIndex, result: Int32) {
        memory.engine.complete(slot, result: repeated(slot, result: result))
    }

    /// Makes a send again as long as it answers what may be the error of another.
    ///
    /// - Returns: the result that counts.
    mutating func repeated(_ slot: SlotIndex, result: Int32) -> Int32 {
        guard case .relay(let relay) = files.endpoint(of: memory.engine.batch.socket(of: slot)),
            sockets.hasSocket(relay)
        else { return result }
        var result = result
        for _ in 0..<Limits.repeatsOfSend {
            guard let error = Errno(result: result), error.isPerhapsOfEarlierDatagram else {
                return result
            }
            if sockets.isOpen(relay) { sockets.noteError(of: relay) }
            memory.engine.statistics.sendsRepeated &+= 1
            let socket = DatagramSocket(adopting: sockets.descriptor(of: relay))
            result = memory.engine.batch.sendAgain(slot, from: socket)
            // The descriptor stays with its entry.
            _ = socket.release()
        }
        return result
    }

    /// A receive has failed; rare, so it stays out of line.
    @inline(never)
    mutating func receiveFailed(_ error: Errno, file: UInt32) {
        guard case .relay(let relay) = files.endpoint(of: file), error != .noBuffers else {
            return count(error)
        }
        // Whatever the error is: a receive on a socket with a queue that nobody reads would end again.
        if sockets.isOpen(relay) { sockets.noteError(of: relay) }
        if !error.isPerhapsOfEarlierDatagram { count(error) }
    }

    /// Reads what is queued, at most so much in a pass; the rest waits for the next.
    ///
    /// What a socket has beyond its share fails its next receive, which notes it again.
    @inline(never)
    mutating func readErrors(at now: Now) {
        var left = Limits.errorsPerPass
        while left > 0, let relay = sockets.nextWithError() {
            if !sockets.isOpen(relay) { continue }
            let socket = DatagramSocket(adopting: sockets.descriptor(of: relay))
            var share = min(left, Limits.errorsPerSocket)
            while share > 0, let error = socket.takeError() {
                share -= 1
                left -= 1
                guard case .icmp(let type, let code, let mtu, let destination) = error else {
                    continue
                }
                memory.engine.receive(
                    ICMPError(type: type, code: code, mtu: mtu),
                    about: TransportAddress(destination),
                    on: relay,
                    at: now
                )
            }
            _ = socket.release()
        }
    }
}
