/// The relayed sockets of one relay thread: a table in place of the kernel's.

import Exchange
import RelayLoop
import STUN
import TURN

/// Every descriptor of a run: opened once, closed once.
final class SocketLedger {
    private var opened: Int32 = 0
    private(set) var open: [Int32: Endpoint] = [:]
    /// Relayed endpoints whose allocation, or reservation, has not ended.
    private(set) var bound: Set<Endpoint> = []
    /// Ports that were bound or closed in this pass.
    var changed: Set<Endpoint> = []
    /// The first thing that went wrong.
    private(set) var complaint: String?

    /// Whether a descriptor still has the port, though nobody owns it any more.
    func isBusy(_ endpoint: Endpoint) -> Bool {
        !bound.contains(endpoint) && open.values.contains(endpoint)
    }

    func bind(_ endpoint: Endpoint) -> Int32 {
        if !bound.insert(endpoint).inserted { complaint = "\(endpoint) was bound twice" }
        changed.insert(endpoint)
        opened += 1
        open[opened] = endpoint
        return opened
    }

    /// Another descriptor of the same socket.
    func duplicate(_ descriptor: Int32) -> Int32 {
        opened += 1
        open[opened] = open[descriptor]
        return opened
    }

    /// Closes a descriptor; the port is still its owner's.
    func close(_ descriptor: Int32) {
        if open.removeValue(forKey: descriptor) == nil {
            complaint = "descriptor \(descriptor) was closed twice"
        }
    }

    /// Closes the last descriptor that belongs to an owner.
    func release(_ descriptor: Int32) {
        if let endpoint = open[descriptor] {
            bound.remove(endpoint)
            changed.insert(endpoint)
        }
        close(descriptor)
    }
}

/// Opens and closes relayed sockets for the engine, and sometimes fails to.
final class SimulatedSockets {
    struct Socket {
        let descriptor: Int32
        let endpoint: Endpoint
    }

    let thread: Int
    let shared: SharedState
    let ledger: SocketLedger
    private let openFailure: Int
    private var chance: SeededGenerator
    private(set) var sockets: [UInt32: Socket] = [:]
    private var freeIndexes: [UInt32]
    /// Closed in this pass: the kernel still knows the index until its receive has ended.
    private var resting: [UInt32] = []
    /// Another thread's by now: in so many passes the receive here will have ended.
    var leaving: [UInt32: Int] = [:]

    /// What happened in this pass.
    var events: [SocketEvent] = []
    var closed: [RelayName] = []

    init(
        thread: Int,
        indexes: Int,
        shared: SharedState,
        ledger: SocketLedger,
        scenario: Scenario,
        _ chance: SeededGenerator
    ) {
        self.thread = thread
        self.shared = shared
        self.ledger = ledger
        openFailure = scenario.faults.openFailure
        self.chance = chance
        freeIndexes = (0..<UInt32(indexes)).reversed()
    }

    /// The relay bound to an endpoint.
    func relay(at endpoint: Endpoint) -> UInt32? {
        var found: UInt32?
        for (index, socket) in sockets where socket.endpoint == endpoint {
            found = min(index, found ?? index)
        }
        return found
    }

    /// The receives of sockets closed in this pass have ended.
    ///
    /// - Returns: those of sockets that are another thread's now.
    func finishPass() -> [UInt32] {
        for index in resting { sockets[index] = nil }
        freeIndexes += resting
        resting = []
        let ended = leaving.keys.filter { leaving[$0] == 0 }.sorted()
        for index in ended {
            leaving[index] = nil
            guard let socket = sockets.removeValue(forKey: index) else { continue }
            ledger.close(socket.descriptor)
            freeIndexes.append(index)
        }
        for index in leaving.keys { leaving[index]? -= 1 }
        return ended
    }

    /// Whether the system refuses a descriptor now.
    func fails() -> Bool { chance.rarely(openFailure) }

    func passesUntilReceiveEnds() -> Int { chance.below(3) }

    /// Gives a socket of another thread a place here.
    func adopt(_ socket: Socket) -> UInt32? {
        guard let index = freeIndexes.popLast() else { return nil }
        sockets[index] = socket
        return index
    }

    /// Closes reserved ports that nobody claimed in time.
    func expireReservations(at now: Now) {
        while let expired = shared.reservations.takeExpired(nowSeconds: now.wholeSeconds) {
            discard(expired.descriptor, expired.port, expired.family, at: now)
        }
    }

    func discard(_ descriptor: Int32, _ port: UInt16, _ family: UInt8, at now: Now) {
        ledger.release(descriptor)
        let family: AddressFamily = family == 2 ? .ipv6 : .ipv4
        shared.ports(of: family).release(port, nowSeconds: now.wholeSeconds)
    }

    private func outcome(_ request: RelayRequest, at now: Now) -> SocketEvent.Outcome {
        guard shared.quota.charge(userTag: request.userTag) else { return .quotaReached }
        var opened: [(name: RelayName, endpoint: Endpoint)] = []
        var reserved: Endpoint?
        for family in [request.family, request.additionalFamily].compactMap(\.self) {
            var request = request
            request.family = family
            let ports = chance.rarely(openFailure) ? nil : bind(request, at: now)
            guard let ports, let index = freeIndexes.popLast() else { continue }
            sockets[index] = ports.socket
            opened.append((RelayName(thread: thread, index: index), ports.socket.endpoint))
            reserved = ports.reserved
        }
        if opened.isEmpty {
            shared.quota.release(userTag: request.userTag)
            return .unavailable
        }
        return .opened(opened, reserved: reserved)
    }

    private func bind(_ request: RelayRequest, at now: Now) -> (
        socket: Socket, reserved: Endpoint?
    )? {
        switch request.kind {
        case .reserved(let token):
            let claim = shared.reservations.claim(token: token, nowSeconds: now.wholeSeconds)
            guard let claim else { return nil }
            let family: AddressFamily = claim.family == 2 ? .ipv6 : .ipv4
            let endpoint = Self.endpoint(family, claim.port)
            return (Socket(descriptor: claim.descriptor, endpoint: endpoint), nil)
        case .any:
            return firstFree(request, isEven: false, at: now).map {
                (socket($0, request.family), nil)
            }
        case .even(reserveNext: false):
            return firstFree(request, isEven: true, at: now).map {
                (socket($0, request.family), nil)
            }
        case .even(reserveNext: true):
            return bindPair(request, at: now)
        }
    }

    /// The first port from the request's start on that is free; those closed a moment ago come last.
    private func firstFree(_ request: RelayRequest, isEven: Bool, at now: Now) -> UInt16? {
        let ports = Array(request.ports.filter { !isEven || $0 % 2 == 0 })
        let start = ports.firstIndex { $0 >= request.firstPort } ?? 0
        for evenIfRecent in [false, true] {
            for port in ports[start...] + ports[..<start]
            where claim(port, request.family, evenIfRecent, at: now) { return port }
        }
        return nil
    }

    private func claim(_ port: UInt16, _ family: AddressFamily, _ evenIfRecent: Bool, at now: Now)
        -> Bool
    {
        !ledger.isBusy(Self.endpoint(family, port))
            && shared.ports(of: family).claim(
                port,
                nowSeconds: now.wholeSeconds,
                evenIfRecent: evenIfRecent
            )
    }

    private func bindPair(
        _ request: RelayRequest,
        at now: Now
    ) -> (socket: Socket, reserved: Endpoint?)? {
        for port in request.ports where port % 2 == 0 && port < request.ports.upperBound {
            guard claim(port, request.family, true, at: now) else { continue }
            guard claim(port + 1, request.family, true, at: now) else {
                shared.ports(of: request.family).release(port, nowSeconds: now.wholeSeconds)
                continue
            }
            let first = socket(port, request.family)
            let second = socket(port + 1, request.family)
            let reservation = Reservation(
                token: request.reservationToken,
                descriptor: second.descriptor,
                port: port + 1,
                family: request.family.rawValue,
                expirySeconds: now.wholeSeconds + UInt64(request.reservationSeconds) + 1
            )
            if shared.reservations.reserve(reservation) { return (first, second.endpoint) }
            discard(first.descriptor, port, request.family.rawValue, at: now)
            discard(second.descriptor, port + 1, request.family.rawValue, at: now)
            return nil
        }
        return nil
    }

    private func socket(_ port: UInt16, _ family: AddressFamily) -> Socket {
        let endpoint = Self.endpoint(family, port)
        return Socket(descriptor: ledger.bind(endpoint), endpoint: endpoint)
    }

    private static func endpoint(_ family: AddressFamily, _ port: UInt16) -> Endpoint {
        Endpoint(
            address: family == .ipv6 ? Scenario.relayIPv6 : Scenario.relayIPv4,
            port: port
        )
    }
}

extension SimulatedSockets: RelayOpener {
    func open(_ request: RelayRequest, at now: Now) -> RelayOutcome {
        let outcome = outcome(request, at: now)
        var token: [UInt8]?
        if case .reserved(let number) = request.kind { token = bigEndian(number) }
        events.append(SocketEvent(token: token, outcome: outcome))
        switch outcome {
        case .opened(let sockets, _):
            let relays = sockets.map {
                OpenedRelay(index: RelayIndex(rawValue: $0.name.index), port: $0.endpoint.port)
            }
            if relays.count == 2 { return .openedBoth(relays[0], additional: relays[1]) }
            return sockets[0].endpoint.address.familyCode == request.family.rawValue
                ? .opened(relay: relays[0].index, port: relays[0].port)
                : .openedAdditional(relays[0])
        case .quotaReached: return .quotaReached
        case .unavailable: return .unavailable
        }
    }

    func close(_ relay: RelayIndex, userTag: UInt64, isLast: Bool, at now: Now) {
        closed.append(RelayName(thread: thread, index: relay.rawValue))
        guard let socket = sockets[relay.rawValue] else { return }
        let endpoint = socket.endpoint
        discard(socket.descriptor, endpoint.port, endpoint.address.familyCode, at: now)
        if isLast { shared.quota.release(userTag: userTag) }
        resting.append(relay.rawValue)
    }

    func isLive(_ relayed: TransportAddress) -> Bool {
        shared.ports(of: relayed.ip.family).isOpen(relayed.port)
    }

    // TCP is not simulated.
    func isLive(stream relayed: TransportAddress) -> Bool { false }
    func connect(from relay: RelayIndex, to peer: TransportAddress) -> Int32? { nil }
}

extension Now {
    /// The clock of ports and reservations.
    var wholeSeconds: UInt64 { monotonic.nanoseconds / 1_000_000_000 }
}
