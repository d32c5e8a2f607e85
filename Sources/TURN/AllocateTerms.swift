/// What an Allocate request asks for.
internal import STUN

/// The attributes of an Allocate request, checked in the order of RFC 8656 7.2.
struct AllocateTerms {
    var transport: RelayTransport
    var family: AddressFamily
    var kind: RelayRequest.Kind
    /// LIFETIME as asked for; nil when absent.
    var lifetimeSeconds: UInt32?
    /// The family of a second relayed address, if one was asked for that may be had.
    var additionalFamily: AddressFamily?
    /// The ADDRESS-ERROR-CODE for a family that is not relayed here; 0: none.
    var addressError: UInt32

    /// What came of reading them.
    enum Reading {
        case accepted(AllocateTerms)
        case refused(ErrorCode)
    }

    /// Whether the port after the relayed one is to be reserved.
    var wantsReservation: Bool {
        switch kind {
        case .even(let reserveNext): reserveNext
        case .any, .reserved: false
        }
    }

    /// Whether datagrams that come over IPv4 leave over IPv6.
    ///
    /// Their DF bit is to be carried over then (RFC 8656 13.1), and the kernel tells no program what it was: a client that
    /// counts on DONT-FRAGMENT is refused (3.7). A stream has no such bit (15).
    func translates(from client: FiveTuple) -> Bool {
        !client.transport.isStream && client.client.ip.canonical.family == .ipv4
            && (family == .ipv6 || additionalFamily == .ipv6)
    }

    /// ADDRESS-ERROR-CODE without a reason phrase (RFC 8656 18.12).
    static func addressError(_ code: ErrorCode, _ family: AddressFamily) -> UInt32 {
        UInt32(family.rawValue) << 24 | UInt32(code.value / 100) << 8 | UInt32(code.value % 100)
    }

    /// Steps 3 to 9 of RFC 8656 7.2.
    ///
    /// `preferred` is the family of who asks for none.
    static func read(
        _ message: borrowing Message,
        _ own: borrowing OwnAddresses,
        _ transports: RelayTransports,
        preferring preferred: AddressFamily = .ipv4,
        takesCoturnNumber: Bool = false
    ) -> Reading {
        // 3. REQUESTED-TRANSPORT must be UDP, or TCP where that is relayed.
        let transport: RelayTransport
        switch transports.read(message) {
        case .refused(let code): return .refused(code)
        case .accepted(let accepted): transport = accepted
        }
        // 4. DONT-FRAGMENT: served, see `translates(from:)`.
        // 5. and 6. RESERVATION-TOKEN and the families. Whether there is such a port is the loop's to see.
        guard let kind = portKind(message) else { return .refused(.badRequest) }
        let families = RequestedFamilies(message, takesCoturnNumber: takesCoturnNumber)
        guard families.areCompatible(with: kind) else { return .refused(.badRequest) }
        // 7. to 9. The address family, and a second one.
        let served: ServedFamilies
        switch families.served(kind, own, preferring: preferred, transport) {
        case .refused(let code): return .refused(code)
        case .accepted(let accepted): served = accepted
        }
        let lifetime = message.first(.lifetime)
        guard lifetime.map({ $0.count == 4 }) ?? true else { return .refused(.badRequest) }
        return .accepted(
            AllocateTerms(
                transport: transport,
                family: served.family,
                kind: kind,
                lifetimeSeconds: lifetime.flatMap { message.uint32($0) },
                additionalFamily: served.additional,
                addressError: served.addressError
            )
        )
    }

    /// Which port is asked for; nil when that is contradictory or malformed.
    private static func portKind(_ message: borrowing Message) -> RelayRequest.Kind? {
        let evenPort = message.first(.evenPort)
        if let attribute = message.first(.reservationToken) {
            guard evenPort == nil, attribute.count == 8 else { return nil }
            return message.uint64(attribute).map { .reserved(token: $0) }
        }
        guard let evenPort else { return .any }
        guard evenPort.count == 1, let value = message.uint8(evenPort) else { return nil }
        return .even(reserveNext: value & 0x80 != 0)
    }
}

/// The families of the relayed addresses that a request gets, as far as the configuration goes.
private struct ServedFamilies {
    var family: AddressFamily
    var additional: AddressFamily?
    var addressError: UInt32 = 0

    enum Reading {
        case accepted(ServedFamilies)
        case refused(ErrorCode)
    }
}

/// REQUESTED-ADDRESS-FAMILY and ADDITIONAL-ADDRESS-FAMILY.
private struct RequestedFamilies {
    let requested: UInt8?
    let additional: UInt8?
    let isMalformed: Bool

    /// The number of ADDITIONAL-ADDRESS-FAMILY in clients made with coturn's library.
    private static let additionalOfCoturn = AttributeType(rawValue: 0x8032)

    init(_ message: borrowing Message, takesCoturnNumber: Bool) {
        let first = message.first(.requestedAddressFamily)
        let standard = message.first(.additionalAddressFamily)
        let second =
            standard ?? (takesCoturnNumber ? message.first(Self.additionalOfCoturn) : nil)
        requested = first.flatMap { message.uint8($0) }
        additional = second.flatMap { message.uint8($0) }
        isMalformed = first.map { $0.count != 4 } ?? false || second.map { $0.count != 4 } ?? false
    }

    /// Whether steps 5 and 6 allow the combination.
    func areCompatible(with kind: RelayRequest.Kind) -> Bool {
        guard !isMalformed else { return false }
        if kind.isReserved { return requested == nil && additional == nil }
        return requested == nil || additional == nil
    }

    /// Steps 7 to 9: a token for a family that is not relayed is none of ours (5.); of two families one is
    /// enough.
    func served(
        _ kind: RelayRequest.Kind,
        _ own: borrowing OwnAddresses,
        preferring preferred: AddressFamily,
        _ transport: RelayTransport
    ) -> ServedFamilies.Reading {
        let isPair = additional != nil && isAdditionalValid(with: kind)
        guard let family = family(with: kind, preferring: preferred), own.hasRelay(family) else {
            guard isPair, own.hasRelay(.ipv6) else {
                return .refused(
                    kind.isReserved ? .insufficientCapacity : .addressFamilyNotSupported
                )
            }
            let error = AllocateTerms.addressError(.addressFamilyNotSupported, .ipv4)
            return .accepted(ServedFamilies(family: .ipv6, addressError: error))
        }
        guard isAdditionalValid(with: kind) else { return .refused(.badRequest) }
        guard isPair else { return .accepted(ServedFamilies(family: family)) }
        // RFC 6062 knows one relayed address for an allocation: over TCP the second family is not relayed.
        if own.hasRelay(.ipv6) && transport == .udp {
            return .accepted(ServedFamilies(family: family, additional: .ipv6))
        }
        let error = AllocateTerms.addressError(.addressFamilyNotSupported, .ipv6)
        return .accepted(ServedFamilies(family: family, addressError: error))
    }

    /// Whether steps 8 and 9 allow the second family.
    func isAdditionalValid(with kind: RelayRequest.Kind) -> Bool {
        guard let additional else { return true }
        if case .even(reserveNext: true) = kind { return false }
        return additional == AddressFamily.ipv6.rawValue
    }

    /// The family of the relayed address: the one asked for, the preferred without a word, a reserved port's own.
    ///
    /// An additional address is IPv6, and the other one IPv4.
    func family(
        with kind: RelayRequest.Kind,
        preferring preferred: AddressFamily
    ) -> AddressFamily? {
        if case .reserved(let token) = kind { return token & 1 == 1 ? .ipv6 : .ipv4 }
        guard let requested else { return additional == nil ? preferred : .ipv4 }
        return AddressFamily(rawValue: requested)
    }
}

extension RelayRequest.Kind {
    /// Whether a reserved port is asked for.
    fileprivate var isReserved: Bool {
        switch self {
        case .reserved: true
        case .any, .even: false
        }
    }
}
