/// All connections: how many there may be, what they may hold, and what ends those that wait too long.

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

/// The connections there are; lives on the event loop.
final class Connections {
    /// So many bodies of the largest size may be under way at once.
    private static let largestBodies = 256

    let limits: ControlConfiguration.Limits
    let counters: ControlCounters
    private var all: [ObjectIdentifier: any Connection] = [:]
    private var networks: [ObjectIdentifier: AddressPrefix?] = [:]
    private var perNetwork: [AddressPrefix?: Int] = [:]
    private var heldBytes = 0
    private var whenEmpty: (() -> Void)?

    /// No connection yet.
    init(_ limits: ControlConfiguration.Limits, _ counters: ControlCounters) {
        self.limits = limits
        self.counters = counters
    }

    /// Whether a channel may be a connection of this peer's; it then counts as its until it closes.
    ///
    /// One that counts already, as another peer's, changes hands.
    func admit(_ channel: any Channel, from peer: Peer) -> Bool {
        let (identity, network) = (ObjectIdentifier(channel), peer.network)
        let isNew = networks[identity] == nil
        leaveNetwork(identity)
        let isFull = counters[.connections] >= limits.connections || whenEmpty != nil
        let own = perNetwork[network, default: 0]
        if isNew && isFull || !peer.isLocal && own >= limits.connectionsPerAddress {
            counters.add(.connectionsRefused)
            return false
        }
        perNetwork[network] = own + 1
        networks[identity] = .some(network)
        if isNew {
            counters.add(.connections)
            channel.closeFuture.assumeIsolated().whenComplete { _ in self.remove(identity) }
        }
        return true
    }

    private func leaveNetwork(_ identity: ObjectIdentifier) {
        guard let network = networks.removeValue(forKey: identity) else { return }
        let left = perNetwork[network, default: 1] - 1
        perNetwork[network] = left == 0 ? nil : left
    }

    private func remove(_ identity: ObjectIdentifier) {
        all[identity] = nil
        counters.add(.connections, -1)
        leaveNetwork(identity)
        if counters[.connections] == 0 { whenEmpty?() }
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
}

extension Connections {
    /// When a request or a message that begins now must be whole.
    var idleDeadline: NIODeadline { .now() + .seconds(Int64(limits.idleSeconds)) }

    /// Whether a client takes what it is sent, or leaves too much of it waiting.
    func keepsUp(_ channel: any Channel) -> Bool {
        (try? channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0 <= limits.pendingBytes
    }

    /// Lets a connection hold so many bytes of an unfinished request or message in place of those it held before.
    ///
    /// - Returns: False when these are more, and all connections together hold too many.
    @discardableResult
    func hold(_ count: Int, insteadOf held: inout Int) -> Bool {
        defer { held = count }
        heldBytes += count - held
        return count <= held || heldBytes <= limits.bodyBytes * Self.largestBodies
    }
}

extension Peer {
    /// The other end of a channel.
    init(of channel: any Channel, isEncrypted: Bool) {
        address = channel.remoteAddress?.ipAddress.flatMap { IPAddress($0)?.canonical }
        isLocal = address?.isLoopback ?? (channel.remoteAddress?.pathname != nil)
        self.isEncrypted = isEncrypted
    }

    /// What limits by source count: an IPv4 address, or the /64 of an IPv6 address, all of which one host may have.
    var network: AddressPrefix? { Self.network(of: address) }

    /// The same of an address; where there is none, all share one.
    static func network(of address: IPAddress?) -> AddressPrefix? {
        let address = (address ?? IPAddress(ipv4: 0)).canonical
        return AddressPrefix(address, length: address.family == .ipv4 ? 32 : 64)
    }
}
