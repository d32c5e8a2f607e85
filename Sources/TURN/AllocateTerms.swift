/// What an Allocate request asks for.
internal import STUN

/// The attributes of an Allocate request, checked in the order of RFC 8656 7.2.
struct AllocateTerms {
    var family: AddressFamily
    var kind: RelayRequest.Kind
    /// LIFETIME as asked for; nil when absent.
    var lifetimeSeconds: UInt32?
    /// A second relayed address of the other family was asked for, which is not served.
    var isAdditionalFamilyRefused: Bool

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

    /// ADDRESS-ERROR-CODE: family IPv6, 440 (RFC 8656 18.12).
    static let additionalFamilyError: UInt32 = 2 << 24 | 4 << 8 | 40

    /// Steps 3 to 8 of RFC 8656 7.2.
    static func read(_ message: borrowing Message, _ own: OwnAddresses) -> Reading {
        // 3. REQUESTED-TRANSPORT must be UDP.
        if let code = transportError(message) { return .refused(code) }
        // 4. DONT-FRAGMENT: served.
        // 5. and 6. RESERVATION-TOKEN, EVEN-PORT. Whether there are such ports is the loop's to see.
        guard let kind = portKind(message) else { return .refused(.badRequest) }
        // 7. and 8. The address families.
        let families = RequestedFamilies(message)
        guard families.isWellFormed(with: kind) else { return .refused(.badRequest) }
        guard let family = families.family(with: kind), own.hasRelay(family) else {
            return .refused(.addressFamilyNotSupported)
        }
        let lifetime = message.first(.lifetime)
        guard lifetime.map({ $0.count == 4 }) ?? true else { return .refused(.badRequest) }
        return .accepted(
            AllocateTerms(
                family: family,
                kind: kind,
                lifetimeSeconds: lifetime.flatMap { message.uint32($0) },
                isAdditionalFamilyRefused: families.additional != nil
            )
        )
    }

    private static func transportError(_ message: borrowing Message) -> ErrorCode? {
        let udp: UInt8 = 17
        guard let attribute = message.first(.requestedTransport), attribute.count == 4,
            let transport = message.uint8(attribute)
        else { return .badRequest }
        return transport == udp ? nil : .unsupportedTransport
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

/// REQUESTED-ADDRESS-FAMILY and ADDITIONAL-ADDRESS-FAMILY.
private struct RequestedFamilies {
    let requested: UInt8?
    let additional: UInt8?
    let isMalformed: Bool

    init(_ message: borrowing Message) {
        let first = message.first(.requestedAddressFamily)
        let second = message.first(.additionalAddressFamily)
        requested = first.flatMap { message.uint8($0) }
        additional = second.flatMap { message.uint8($0) }
        isMalformed = first.map { $0.count != 4 } ?? false || second.map { $0.count != 4 } ?? false
    }

    /// The combinations that steps 5, 7 and 8 allow.
    func isWellFormed(with kind: RelayRequest.Kind) -> Bool {
        guard !isMalformed else { return false }
        switch kind {
        case .reserved: if requested != nil || additional != nil { return false }
        case .even(reserveNext: true): if additional != nil { return false }
        case .even(reserveNext: false), .any: break
        }
        guard let additional else { return true }
        return requested == nil && additional == AddressFamily.ipv6.rawValue
    }

    /// The family of the relayed address: the one asked for, IPv4 without a word, a reserved port's own.
    func family(with kind: RelayRequest.Kind) -> AddressFamily? {
        if case .reserved(let token) = kind { return token & 1 == 1 ? .ipv6 : .ipv4 }
        guard let requested else { return .ipv4 }
        return AddressFamily(rawValue: requested)
    }
}
