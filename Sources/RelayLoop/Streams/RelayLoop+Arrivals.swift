/// Connections from thread to thread: a client's data connection goes to the thread that has its peer's.

internal import IOURing
internal import STUN
internal import TLS
internal import TURN

extension RelayLoop {
    /// Sends a connection to its thread, once the kernel holds nothing of it; it is closed when there is no room.
    @inline(never)
    mutating func depart(_ index: ConnectionIndex, at now: Now) {
        let connection = memory.engine.connections[index]
        guard connection.phase == .open, connection.ending == .no, connection.isQuiet,
            connection.isEmpty
        else { return }
        let file = files.file(of: index)
        if receives.isArmed(file) {
            // Its end brings us here again. Where the queue is full, the connection's own time ends it.
            _ = memory.ring.cancel(token: receives.token(of: file))
            return
        }
        let travelling = memory.engine.pack(index)
        let arrivals = sockets.shared.arrivals[Int(connection.joining.thread)]
        if arrivals.send(travelling, memory.engine.connections.carried(index)) {
            memory.engine.connections.statistics.handedOver &+= 1
            do throws(Errno) { try memory.ring.unregister(at: file) } catch { receiveErrors &+= 1 }
            memory.engine.connections.leave(index)
        } else {
            travelling.session?.end()
            memory.engine.connections.statistics.handoversRefused &+= 1
            memory.engine.end(index, draining: false, at: now, opener: &sockets)
        }
    }

    /// Takes in what other threads have sent.
    mutating func takeArrivals() {
        guard memory.engine.threadNumber < sockets.shared.arrivals.count else { return }
        let arrivals = sockets.shared.arrivals[memory.engine.threadNumber]
        let now = Clock.now()
        while arrivals.receive({ arrive($0, $1, at: now) }) {}
    }

    private mutating func arrive(
        _ travelling: TravellingConnection,
        _ unread: RawSpan,
        at now: Now
    ) {
        let socket = StreamSocket(adopting: travelling.descriptor)
        guard let index = memory.engine.unpack(travelling, at: now) else {
            travelling.session?.end()
            memory.engine.connections.statistics.handoversRefused &+= 1
            return
        }
        // From here on the connection owns the descriptor.
        _ = socket.release()
        let file = files.file(of: index)
        do throws(Errno) {
            try memory.ring.register(file: travelling.descriptor, at: file)
        } catch {
            receiveErrors &+= 1
            return memory.engine.connections.close(index, draining: false)
        }
        memory.engine.receiveBrought(unread, of: index, at: now, opener: &sockets)
        if memory.engine.connections[index].phase == .open { readOn(index, file: file) }
    }

    /// Closes what has come too late.
    mutating func refuseArrivals() {
        guard memory.engine.threadNumber < sockets.shared.arrivals.count else { return }
        let arrivals = sockets.shared.arrivals[memory.engine.threadNumber]
        while arrivals.receive({ travelling, _ in
            travelling.session?.end()
            _ = StreamSocket(adopting: travelling.descriptor)
        }) {}
    }
}
