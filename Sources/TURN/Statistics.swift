/// What a server did so far: plain numbers, written by its thread alone.
public import STUN

/// Counters and gauges of one `TURNServer`.
public struct Statistics: Sendable {
    /// Allocations now.
    public internal(set) var allocations: UInt64 = 0

    /// Permissions now.
    public internal(set) var permissions: UInt64 = 0

    /// Bound channels now.
    public internal(set) var channels: UInt64 = 0

    /// Expired channels whose number and peer are not yet free for others.
    public internal(set) var heldChannels: UInt64 = 0

    /// TCP connections with peers now: in the making, waiting for the client, or joined to it (RFC 6062).
    public internal(set) var tcpConnections: UInt64 = 0

    /// TCP connections with peers that were joined to a client's.
    public internal(set) var tcpConnectionsBound: UInt64 = 0

    /// TCP connections with peers that were not made, or not bound, in time.
    public internal(set) var tcpConnectionsExpired: UInt64 = 0

    /// Allocations made since the start.
    public internal(set) var allocationsCreated: UInt64 = 0

    /// Allocations that ended by their deadline.
    public internal(set) var allocationsExpired: UInt64 = 0

    /// Allocations that their client ended, with a lifetime of 0.
    public internal(set) var allocationsDeleted: UInt64 = 0

    /// Answers to Binding requests.
    public internal(set) var bindings: UInt64 = 0

    /// Success responses of Allocate, Refresh, CreatePermission and ChannelBind.
    public internal(set) var successes: UInt64 = 0

    /// Retransmitted Allocate requests, answered like the first.
    public internal(set) var retransmissions: UInt64 = 0

    /// Refresh requests that took an allocation to another 5-tuple (RFC 8016).
    public internal(set) var moves: UInt64 = 0

    private var errorsByKind: InlineArray<32, UInt64> = .init(repeating: 0)
    private var dropsByReason: InlineArray<32, UInt64> = .init(repeating: 0)

    /// Nothing yet.
    public init() {}

    /// Error responses with `code`; codes that this server does not send are counted together.
    public func errors(_ code: ErrorCode) -> UInt64 {
        errorsByKind[Statistics.kind(of: code)]
    }

    /// Error responses of every code.
    public var allErrors: UInt64 {
        var sum: UInt64 = 0
        for kind in errorsByKind.indices { sum &+= errorsByKind[kind] }
        return sum
    }

    /// Datagrams dropped for `reason`.
    public func drops(_ reason: DropReason) -> UInt64 {
        dropsByReason[Int(reason.rawValue)]
    }

    mutating func count(_ code: ErrorCode) {
        errorsByKind[Statistics.kind(of: code)] &+= 1
    }

    mutating func count(_ reason: DropReason) {
        dropsByReason[Int(reason.rawValue)] &+= 1
    }

    /// The place of a code in `errorsByKind`: those of RFC 8489 14.8 and RFC 8656 19 that we send.
    private static func kind(of code: ErrorCode) -> Int {
        switch code {
        case .badRequest: 1
        case .unauthorized: 2
        case .forbidden: 3
        case .unknownAttribute: 4
        case .allocationMismatch: 5
        case .staleNonce: 6
        case .addressFamilyNotSupported: 7
        case .wrongCredentials: 8
        case .unsupportedTransport: 9
        case .peerAddressFamilyMismatch: 10
        case .allocationQuotaReached: 11
        case .insufficientCapacity: 12
        case .connectionAlreadyExists: 13
        case .connectionTimeoutOrFailure: 14
        case .mobilityForbidden: 15
        case .tryAlternate: 16
        case .serverError: 17
        default: 0
        }
    }
}
