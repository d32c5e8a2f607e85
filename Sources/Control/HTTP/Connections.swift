/// All connections: how many there may be, and what ends those that wait too long.

import NIOCore
import STUN
import TURN

/// A connection, whatever is spoken on it.
protocol Connection: AnyObject {
    /// Ends what has waited for too long.
    func expire(now: NIODeadline)
    /// Ends as soon as it can without breaking off an answer.
    func stop()
}

/// How many bytes of unfinished requests and messages all connections together may hold.
final class ByteBudget {
    private let limit: Int
    private var used = 0

    /// A budget of so many bytes.
    init(_ limit: Int) {
        self.limit = limit
    }

    /// Takes or gives back what one holder has more or less than before; false when now too much is held.
    func change(from old: Int, to new: Int) -> Bool {
        used += new - old
        return new <= old || used <= limit
    }
}

/// The connections there are; lives on the event loop.
final class Connections {
    /// So many bodies of the largest size may be under way at once.
    private static let largestBodies = 256

    let limits: ControlConfiguration.Limits
    let counters: ControlCounters
    let budget: ByteBudget
    private var all: [ObjectIdentifier: any Connection] = [:]
    private var perNetwork: [AddressPrefix?: Int] = [:]
    private var networks: [ObjectIdentifier: AddressPrefix?] = [:]
    private var whenEmpty: (() -> Void)?

    /// No connection yet.
    init(_ limits: ControlConfiguration.Limits, _ counters: ControlCounters) {
        self.limits = limits
        self.counters = counters
        budget = ByteBudget(limits.bodyBytes * Self.largestBodies)
    }

    /// Whether one more connection may be; it then counts until the channel closes.
    func admit(_ channel: any Channel, from peer: Peer) -> Bool {
        let isFull = counters[.connections] >= limits.connections
        let identity = ObjectIdentifier(channel)
        guard !isFull, whenEmpty == nil, enter(identity, of: peer) else {
            counters.add(.connectionsRefused)
            return false
        }
        counters.add(.connections)
        channel.closeFuture.assumeIsolated().whenComplete { _ in self.remove(identity) }
        return true
    }

    /// Whether a connection that was admitted may be one of another peer; it then counts as its.
    func admit(_ channel: any Channel, insteadFrom peer: Peer) -> Bool {
        let identity = ObjectIdentifier(channel)
        leaveNetwork(identity)
        if enter(identity, of: peer) { return true }
        counters.add(.connectionsRefused)
        return false
    }

    private func enter(_ identity: ObjectIdentifier, of peer: Peer) -> Bool {
        let network = peer.network
        let own = perNetwork[network, default: 0]
        if !peer.isLocal && own >= limits.connectionsPerAddress { return false }
        perNetwork[network] = own + 1
        networks[identity] = .some(network)
        return true
    }

    private func leaveNetwork(_ identity: ObjectIdentifier) {
        guard let network = networks.removeValue(forKey: identity) else { return }
        let left = perNetwork[network, default: 1] - 1
        perNetwork[network] = left == 0 ? nil : left
    }

    /// Makes a connection the one that its channel's time and end are told to.
    func attend(_ connection: any Connection, of channel: any Channel) {
        all[ObjectIdentifier(channel)] = connection
    }

    /// Ends what has waited for too long.
    func expire(now: NIODeadline) {
        for connection in all.values { connection.expire(now: now) }
    }

    /// Ends all connections and refuses new ones; `completion` is called when none is left.
    func stop(_ completion: @escaping () -> Void) {
        whenEmpty = completion
        for connection in all.values { connection.stop() }
        if counters[.connections] == 0 { completion() }
    }

    private func remove(_ identity: ObjectIdentifier) {
        all[identity] = nil
        counters.add(.connections, -1)
        leaveNetwork(identity)
        if counters[.connections] == 0 { whenEmpty?() }
    }
}

extension Peer {
    /// The other end of a channel.
    init(of channel: any Channel, isEncrypted: Bool) {
        let text = channel.remoteAddress?.ipAddress ?? ""
        let address = IPAddress(text)?.canonical
        self.address = address?.description ?? text
        self.isEncrypted = isEncrypted
        isLocal = address?.isLoopback ?? (channel.remoteAddress?.pathname != nil)
    }

    /// What limits by source count: an IPv4 address, or the /64 of an IPv6 address, all of which one host may have.
    var network: AddressPrefix? { Self.network(of: address) }

    /// The same of an address in text; all that cannot be read share one.
    static func network(of text: String) -> AddressPrefix? {
        let address = (IPAddress(text) ?? IPAddress(ipv4: 0)).canonical
        return AddressPrefix(address, length: address.family == .ipv4 ? 32 : 64)
    }
}

extension Channel {
    /// What was sent and the client has not taken.
    var pendingBytes: Int { (try? syncOptions?.getOption(.bufferedWritableBytes)) ?? 0 }
}
