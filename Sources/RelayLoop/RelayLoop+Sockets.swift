/// What opening and closing relayed sockets asks of the ring, and the sends of a pass.

internal import Exchange
internal import IOURing
internal import TURN

/// A closed relayed socket whose receive ended in a pass.
struct EndedSocket {
    let relay: RelayIndex
    let pass: UInt64
}

extension RelayLoop {
    /// Registers and arms the sockets opened in this pass; cancels the receives of those closed.
    mutating func settleSockets() {
        if !ended.isEmpty { finishCloses() }
        while let relay = sockets.opened.popLast() {
            let file = files.file(of: relay)
            do throws(Errno) {
                try memory.ring.register(file: sockets.descriptor(of: relay), at: file)
            } catch {
                receiveErrors &+= 1
            }
            if sockets.isOpen(relay) { receives.arm(file) }
        }
        while let relay = sockets.closing.popLast() {
            let file = files.file(of: relay)
            if !receives.isArmed(file) {
                receiveEnded(of: relay)
            } else if !memory.ring.cancel(token: receives.token(of: file)) {
                return sockets.closing.append(relay)
            }
        }
    }

    /// The receive of a closed socket has ended; sends of this pass, and what the kernel refuses of them, may still need it.
    mutating func receiveEnded(of relay: RelayIndex) {
        ended.append(EndedSocket(relay: relay, pass: passes))
    }

    /// Gives closed sockets back whose sends are over: the kernel holds nothing of them any more.
    @inline(never)
    private mutating func finishCloses() {
        let due = ended.prefix { $0.pass &+ Limits.passesUntilClosed <= passes }
        for socket in due {
            let file = files.file(of: socket.relay)
            do throws(Errno) { try memory.ring.unregister(at: file) } catch { receiveErrors &+= 1 }
            sockets.finishClose(socket.relay)
            if memory.engine.hasHeirs { memory.engine.forgetHeir(of: socket.relay) }
        }
        ended.removeFirst(due.count)
    }

    /// Puts this pass's sends on the submission queue, in order.
    mutating func prepareSends() {
        while let slot = memory.engine.nextPendingSend() {
            if memory.engine.batch.isDontFragment(slot) {
                sendUnfragmented(slot)
                continue
            }
            let token = Token(kind: OperationKind.send.rawValue, index: slot.rawValue)
            if !memory.ring.prepareSend(&memory.engine.batch, slot: slot, token: token) {
                memory.engine.complete(slot, result: 0 - Errno.tryAgain.rawValue)
            }
        }
    }

    /// Sends what may not be fragmented at once, behind all that was to leave before it.
    ///
    /// Only relayed sockets have such sends (RFC 8656 11.2).
    @inline(never)
    private mutating func sendUnfragmented(_ slot: SlotIndex) {
        memory.ring.submit()
        var result = 0 - Errno.invalidArgument.rawValue
        if case .relay(let relay) = files.endpoint(of: memory.engine.batch.socket(of: slot)) {
            let socket = DatagramSocket(adopting: sockets.descriptor(of: relay))
            result = memory.engine.batch.sendUnfragmented(slot, from: socket)
            // The descriptor stays with its entry.
            _ = socket.release()
        }
        memory.engine.complete(slot, result: repeated(slot, result: result))
    }

    /// Reads what the control thread sent, and waits for its next word.
    @inline(never)
    mutating func readInbox() {
        awaitInbox()
        while let command = inbox.next() {
            switch command {
            case .stop: isStopping = true
            case .answer(let question): answer(question)
            case .reloadCertificates: loadCertificates()
            }
        }
        receiveHandovers()
        takeArrivals()
    }

    /// Makes new sessions with the certificates of now; those that are open keep theirs.
    mutating func loadCertificates() {
        let contexts = sockets.shared.tls
        memory.engine.security.stream = contexts.stream
        memory.engine.security.datagram = contexts.datagram
    }

    /// Asks for a completion when the control thread sends something.
    mutating func awaitInbox() {
        let token = Token(kind: OperationKind.wake.rawValue, index: 0)
        isAwaitingInbox = memory.ring.armWake(inbox.event, token: token)
    }
}
