/// How a relayed socket gets its port.

internal import Exchange
internal import IOURing
internal import STUN
internal import TURN

/// A bound socket whose port is claimed.
public struct BoundSocket {
    /// Whoever has the value owns it.
    public let descriptor: Int32
    /// The port it is bound to.
    public let port: UInt16
    /// The number of its relay address.
    public let address: UInt8
}

/// What became of one port.
enum BindOutcome {
    case bound(BoundSocket)
    /// One of our own, or closed a moment ago.
    case notFree
    /// Another program has it.
    case inUseElsewhere
    /// No port would do: no descriptor, no address.
    case failed
}

extension RelaySockets {
    /// Tries the request's ports from its random start on; ports closed a moment ago come last (RFC 6056).
    func firstFree(
        _ request: RelayRequest,
        step: Int,
        attempt: (_ port: UInt16, _ evenIfRecent: Bool) -> BindOutcome
    ) -> BoundSocket? {
        var attempts = 0
        for evenIfRecent in [false, true] {
            var candidates = PortCandidates(request.ports, from: request.firstPort, step: step)
            while attempts < Limits.bindAttempts, let port = candidates.next() {
                switch attempt(port, evenIfRecent) {
                case .bound(let socket): return socket
                case .notFree: continue
                case .inUseElsewhere: attempts += 1
                case .failed: return nil
                }
            }
        }
        return nil
    }

    /// Opens a socket on one port.
    func bind(
        _ port: UInt16,
        _ request: RelayRequest,
        evenIfRecent: Bool,
        at now: Now
    ) -> BindOutcome {
        let ports = shared.ports(of: request.family)
        let number = request.address
        guard let address = configuration.address(request.family, number) else { return .failed }
        let isClaimed = ports.claim(
            port,
            of: number,
            nowSeconds: now.seconds,
            evenIfRecent: evenIfRecent,
            forStreams: request.transport == .tcp
        )
        guard isClaimed else { return .notFree }
        let relayed = SocketAddress(TransportAddress(ip: address, port: port))
        do throws(Errno) {
            let descriptor = try open(request.transport, at: relayed)
            return .bound(BoundSocket(descriptor: descriptor, port: port, address: number))
        } catch {
            ports.release(port, of: number, nowSeconds: now.seconds)
            return error == .addressInUse ? .inUseElsewhere : .failed
        }
    }

    private func open(
        _ transport: RelayTransport,
        at address: SocketAddress
    ) throws(Errno) -> Int32 {
        switch transport {
        case .udp:
            return try DatagramSocket(boundTo: address, options: configuration.options).release()
        case .tcp:
            let socket = try StreamSocket(
                listeningOn: address,
                options: configuration.streamOptions
            )
            // Connections to peers leave from the same address (RFC 6062 5.2).
            try socket.sharePort()
            return socket.release()
        }
    }

    /// Opens a socket on an even port and keeps the next port for the token (RFC 8656 7.2, EVEN-PORT with R).
    func bindPair(
        _ port: UInt16,
        _ request: RelayRequest,
        evenIfRecent: Bool,
        at now: Now
    ) -> BindOutcome {
        guard port < request.ports.upperBound else { return .notFree }
        let even = bind(port, request, evenIfRecent: evenIfRecent, at: now)
        guard case .bound(let socket) = even else { return even }
        let next = bind(port + 1, request, evenIfRecent: evenIfRecent, at: now)
        guard case .bound(let reserved) = next else {
            discard(socket, request.family, at: now)
            return next
        }
        if reserve(reserved, for: request, at: now) { return .bound(socket) }
        discard(socket, request.family, at: now)
        discard(reserved, request.family, at: now)
        return .failed
    }

    /// Takes the socket that an earlier allocation, perhaps of another thread, reserved.
    func claim(_ token: UInt64, family: AddressFamily, at now: Now) -> BoundSocket? {
        guard
            let reservation = shared.reservations.claim(token: token, nowSeconds: now.seconds)
        else { return nil }
        return BoundSocket(
            descriptor: reservation.descriptor,
            port: reservation.port,
            address: reservation.address
        )
    }

    /// Seconds are whole ones, so the second that has begun does not count.
    private func reserve(_ socket: BoundSocket, for request: RelayRequest, at now: Now) -> Bool {
        shared.reservations.reserve(
            Reservation(
                token: request.reservationToken,
                descriptor: socket.descriptor,
                port: socket.port,
                address: socket.address,
                family: request.family.rawValue,
                expirySeconds: now.seconds + UInt64(request.reservationSeconds) + 1
            )
        )
    }

    /// Closes a socket that no allocation has.
    func discard(_ socket: BoundSocket, _ family: AddressFamily, at now: Now) {
        _ = DatagramSocket(adopting: socket.descriptor)
        shared.ports(of: family).release(
            socket.port,
            of: socket.address,
            nowSeconds: now.seconds
        )
    }
}

/// The ports of a range from a start on, each once, wrapping at the end.
struct PortCandidates: IteratorProtocol {
    private let lowest: Int
    private let step: Int
    private let count: Int
    private var position: Int
    private var left: Int

    /// Ports of `range`; only even ones when `step` is 2.
    init(_ range: ClosedRange<UInt16>, from start: UInt16, step: Int) {
        self.step = step
        lowest = (Int(range.lowerBound) + step - 1) / step * step
        count = max(0, (Int(range.upperBound) - lowest + step) / step)
        left = count
        position = count == 0 ? 0 : max(0, Int(start) - lowest) / step % count
    }

    mutating func next() -> UInt16? {
        if left == 0 { return nil }
        left -= 1
        defer { position = position + 1 == count ? 0 : position + 1 }
        return UInt16(lowest + position * step)
    }
}
