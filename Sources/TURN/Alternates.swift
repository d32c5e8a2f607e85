/// Other servers that clients are sent on to (RFC 8489 10, RFC 8656 7.2).
public import STUN

/// One address of another server.
public struct AlternateServer: Hashable, Sendable {
    /// Where it is.
    public let address: TransportAddress
    /// The name in its certificate (ALTERNATE-DOMAIN); empty: the one that the client knows already.
    let domain: [UInt8]

    /// The server written as `192.0.2.7:3478`, or `turn2.example.org@192.0.2.7:3478`; nil when that is not one.
    public init?(_ text: String) {
        let at = text.lastIndex(of: "@")
        let rest = at.map { text[text.index(after: $0)...] } ?? text[...]
        guard let address = TransportAddress(rest) else { return nil }
        domain = at.map { Array(text[..<$0].utf8) } ?? []
        guard domain.count <= 255, at == nil || !domain.isEmpty,
            domain.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        self.address = address
    }
}

/// When clients are sent on.
public enum RedirectPolicy: Sendable, BitwiseCopyable {
    /// While no new allocations are to be made here.
    case draining
    /// Always: this server is a front.
    case always
}

/// The other servers of each family, and whose turn it is.
struct Alternates {
    private let ipv4: [AlternateServer]
    private let ipv6: [AlternateServer]
    private let listeners: [TransportAddress]
    private var turn = 0

    init(_ configuration: ServerConfiguration) {
        ipv4 = configuration.alternates.filter { $0.address.ip.family == .ipv4 }
        ipv6 = configuration.alternates.filter { $0.address.ip.family == .ipv6 }
        listeners = configuration.listeners + configuration.streamListeners
    }

    /// Whether a request came to one of the alternates: then it is where it was sent.
    func contain(_ listener: ListenerIndex) -> Bool {
        guard let here = address(of: listener) else { return false }
        return servers(here.ip.family).contains { $0.address == here }
    }

    /// The next server for a client of a family, and, if there is one, its address of the other family.
    ///
    /// Lists of both families that name the same servers in the same order keep their addresses together.
    mutating func next(
        _ family: AddressFamily,
        besides listener: ListenerIndex
    ) -> (server: AlternateServer, other: AlternateServer?)? {
        let servers = servers(family)
        let others = self.servers(family == .ipv4 ? .ipv6 : .ipv4)
        let here = address(of: listener)
        for _ in servers.indices {
            defer { turn = turn &+ 1 & Int.max }
            let server = servers[turn % servers.count]
            if server.address == here { continue }
            return (server, others.isEmpty ? nil : others[turn % others.count])
        }
        return nil
    }

    private func address(of listener: ListenerIndex) -> TransportAddress? {
        let index = Int(listener.rawValue)
        return index < listeners.count ? listeners[index] : nil
    }

    private func servers(_ family: AddressFamily) -> [AlternateServer] {
        switch family {
        case .ipv4: ipv4
        case .ipv6: ipv6
        }
    }
}
