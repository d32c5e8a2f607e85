/// The relayed sockets of one thread: opened for an Allocate, closed when their receive has ended.

internal import Exchange
internal import IOURing
internal import STUN
internal import TURN

/// Sockets by relay index.
///
/// `open` and `close` act on the sockets at once; what they need of the ring (arming and cancelling
/// receives) waits in two lists until the loop settles them at the end of the pass.
struct RelaySockets: ~Copyable {
    private let inPlace = InPlace()
    /// Facts for the counters.
    private(set) var opens: UInt64 = 0
    private(set) var closes: UInt64 = 0
    private(set) var openFailures: UInt64 = 0
    private(set) var quotaRefusals: UInt64 = 0

    /// Relays whose socket is to be registered and armed, and those whose receive is to be cancelled.
    var opened: [RelayIndex] = []
    var closing: [RelayIndex] = []

    /// Relays whose socket has errors to be read.
    private var withErrors: [RelayIndex] = []

    private var entries: [Entry]
    private var free: FreeIndexes
    let configuration: RelaySocketConfiguration
    let shared: SharedState

    /// Takes the memory for `capacity` sockets.
    init(capacity: Int, configuration: RelaySocketConfiguration, shared: SharedState) {
        self.configuration = configuration
        self.shared = shared
        entries = Array(repeating: Entry(), count: capacity)
        free = FreeIndexes(count: capacity)
        opened.reserveCapacity(capacity)
        closing.reserveCapacity(capacity)
        withErrors.reserveCapacity(capacity)
    }

    deinit {
        for entry in entries where entry.state != .free {
            _ = DatagramSocket(adopting: entry.descriptor)
        }
    }

    /// The descriptor of an open socket.
    func descriptor(of relay: RelayIndex) -> Int32 { entries[Int(relay.rawValue)].descriptor }

    /// Whether the relay takes connections, not datagrams.
    func isListening(_ relay: RelayIndex) -> Bool { entries[Int(relay.rawValue)].isListening }

    /// The address and port of an open relay.
    func address(of relay: RelayIndex) -> TransportAddress? {
        let entry = entries[Int(relay.rawValue)]
        guard entry.state == .open else { return nil }
        return configuration.address(entry.family, entry.address).map {
            TransportAddress(ip: $0, port: entry.port)
        }
    }

    /// Whether the relay takes datagrams or connections, or waits for its receive to end.
    func isOpen(_ relay: RelayIndex) -> Bool { entries[Int(relay.rawValue)].state == .open }

    /// Whether the relay is open, or was closed and not given back yet.
    func hasSocket(_ relay: RelayIndex) -> Bool { entries[Int(relay.rawValue)].state != .free }

    /// Whether `nextWithError` has one.
    var hasErrors: Bool { !withErrors.isEmpty }

    /// Notes that the socket of an open relay has errors to be read.
    mutating func noteError(of relay: RelayIndex) {
        if entries[Int(relay.rawValue)].hasError { return }
        entries[Int(relay.rawValue)].hasError = true
        withErrors.append(relay)
    }

    /// A relay whose socket has errors to be read; it may have been closed since.
    mutating func nextWithError() -> RelayIndex? {
        guard let relay = withErrors.popLast() else { return nil }
        entries[Int(relay.rawValue)].hasError = false
        return relay
    }

    /// Gives the descriptor of a socket whose receive has ended back to the kernel, its index to `open`.
    mutating func finishClose(_ relay: RelayIndex) {
        let index = Int(relay.rawValue)
        _ = DatagramSocket(adopting: entries[index].descriptor)
        entries[index] = Entry()
        free.giveBack(relay.rawValue)
    }

    /// Takes over the socket of an allocation that came from another thread; nil when there is no index for it.
    mutating func adopt(_ socket: BoundSocket, _ family: AddressFamily) -> RelayIndex? {
        install(socket, family)?.index
    }

    /// Closes this thread's descriptor of a socket that another thread has now, with port and quota.
    mutating func letGo(_ relay: RelayIndex) {
        entries[Int(relay.rawValue)].state = .closing
        closing.append(relay)
        closes &+= 1
    }

    /// Closes reserved sockets that nobody claimed within their time (RFC 8656 7.2).
    func expireReservations(at now: Now) {
        for _ in 0..<Limits.reservationsPerPass {
            guard let expired = shared.reservations.takeExpired(nowSeconds: now.seconds) else {
                return
            }
            guard let family = AddressFamily(rawValue: expired.family) else { continue }
            let socket = BoundSocket(
                descriptor: expired.descriptor,
                port: expired.port,
                address: expired.address
            )
            discard(socket, family, at: now)
        }
    }
}

extension Now {
    /// Whole seconds of the monotonic clock, in which shared ports and reservations count.
    var seconds: UInt64 { monotonic.nanoseconds / 1_000_000_000 }
}

private struct Entry {
    enum State { case free, open, closing }
    var state = State.free
    var descriptor: Int32 = -1
    var port: UInt16 = 0
    /// The number of its relay address.
    var address: UInt8 = 0
    var family = AddressFamily.ipv4
    var isListening = false
    /// Is in the list of those with errors.
    var hasError = false
}

extension RelaySockets: RelayOpener {
    // Out of line, so that the way of a datagram stays short.
    @inline(never)
    mutating func open(_ request: RelayRequest, at now: Now) -> RelayOutcome {
        guard shared.quota.charge(userTag: request.userTag) else {
            quotaRefusals &+= 1
            return .quotaReached
        }
        let relay = openRelay(request, at: now)
        var additional: OpenedRelay?
        if let family = request.additionalFamily {
            var second = request
            second.family = family
            second.address = request.additionalAddress
            additional = openRelay(second, at: now)
        }
        switch (relay, additional) {
        case (let relay?, let additional?): return .openedBoth(relay, additional: additional)
        case (let relay?, nil):
            return .opened(relay: relay.index, port: relay.port, address: relay.address)
        case (nil, let additional?): return .openedAdditional(additional)
        case (nil, nil):
            shared.quota.release(userTag: request.userTag)
            return .unavailable
        }
    }

    @inline(never)
    mutating func close(_ relay: RelayIndex, userTag: UInt64, isLast: Bool, at now: Now) {
        let entry = entries[Int(relay.rawValue)]
        assert(entry.state == .open)
        entries[Int(relay.rawValue)].state = .closing
        closing.append(relay)
        shared.ports(of: entry.family).release(
            entry.port,
            of: entry.address,
            nowSeconds: now.seconds
        )
        if isLast { shared.quota.release(userTag: userTag) }
        closes &+= 1
    }

    func isLive(_ relayed: TransportAddress) -> Bool { isLive(relayed, overStreams: false) }

    func isLive(stream relayed: TransportAddress) -> Bool { isLive(relayed, overStreams: true) }

    private func isLive(_ relayed: TransportAddress, overStreams: Bool) -> Bool {
        guard let number = configuration.number(of: relayed.ip) else { return false }
        let port = relayed.port
        // Spelled out for each family: a reference that may be either would be retained.
        return switch relayed.ip.family {
        case .ipv4: shared.portsIPv4.isOpen(port, of: number, forStreams: overStreams)
        case .ipv6: shared.portsIPv6.isOpen(port, of: number, forStreams: overStreams)
        }
    }

    @inline(never)
    mutating func connect(from relay: RelayIndex, to peer: TransportAddress) -> Int32? {
        guard let address = address(of: relay) else { return nil }
        do throws(Errno) {
            let socket = try StreamSocket(
                boundTo: SocketAddress(address),
                options: configuration.outgoingOptions
            )
            try socket.beginConnecting(to: SocketAddress(peer))
            return socket.release()
        } catch {
            return nil
        }
    }

    @inline(never)
    mutating func connect(toWebServer address: TransportAddress) -> Int32? {
        let anyPort =
            address.ip.family == .ipv4
            ? SocketAddress(ipv4: 0, port: 0) : SocketAddress(ipv6High: 0, low: 0, port: 0)
        do throws(Errno) {
            let socket = try StreamSocket(boundTo: anyPort, options: configuration.streamOptions)
            try socket.beginConnecting(to: SocketAddress(address))
            return socket.release()
        } catch {
            return nil
        }
    }

    private func socket(for request: RelayRequest, at now: Now) -> BoundSocket? {
        if free.isEmpty { return nil }
        switch request.kind {
        case .any:
            return firstFree(request, step: 1) { bind($0, request, evenIfRecent: $1, at: now) }
        case .even(reserveNext: false):
            return firstFree(request, step: 2) { bind($0, request, evenIfRecent: $1, at: now) }
        case .even(reserveNext: true):
            return firstFree(request, step: 2) { bindPair($0, request, evenIfRecent: $1, at: now) }
        case .reserved(let token):
            return claim(token, family: request.family, at: now)
        }
    }

    /// One relayed socket of the request's family: at the address it names, or at the next that has a free port.
    private mutating func openRelay(_ request: RelayRequest, at now: Now) -> OpenedRelay? {
        guard let opened = socketAtAnyAddress(for: request, at: now),
            let relay = install(opened, request.family, isListening: request.transport == .tcp)
        else {
            openFailures &+= 1
            return nil
        }
        return relay
    }

    private func socketAtAnyAddress(for request: RelayRequest, at now: Now) -> BoundSocket? {
        if case .reserved = request.kind { return socket(for: request, at: now) }
        let count = configuration.addressCount(request.family)
        for step in 0..<count {
            var attempt = request
            attempt.address = UInt8(truncatingIfNeeded: (Int(request.address) + step) % count)
            if let socket = socket(for: attempt, at: now) { return socket }
        }
        return nil
    }

    private mutating func install(
        _ socket: BoundSocket,
        _ family: AddressFamily,
        isListening: Bool = false
    ) -> OpenedRelay? {
        guard let index = free.take() else { return nil }
        entries[Int(index)] = Entry(
            state: .open,
            descriptor: socket.descriptor,
            port: socket.port,
            address: socket.address,
            family: family,
            isListening: isListening
        )
        let relay = RelayIndex(rawValue: index)
        opened.append(relay)
        opens &+= 1
        return OpenedRelay(index: relay, port: socket.port, address: socket.address)
    }
}
