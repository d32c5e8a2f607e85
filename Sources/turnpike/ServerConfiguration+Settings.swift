/// From the attribute tree's settings to what the data plane takes.

import RelayLoop
import STUN
import TURN
import Tunables

extension ServerConfiguration {
    /// The TURN server that the settings describe.
    ///
    /// - Parameters:
    ///   - settings: The attribute tree.
    ///   - relay: The addresses of relayed sockets.
    ///   - secrets: Secrets of time-limited credentials.
    /// - Throws: Which user is no user, and what else is not what it should be.
    init(
        _ settings: Settings,
        relay: RelayAddresses,
        secrets: [String]
    ) throws(StartProblem) {
        self.init()
        realm = settings.server.realm
        software = settings.server.software
        rfc5766Channels = settings.server.rfc5766Channels
        allowsMobility = settings.server.mobility
        relayIPv4 = relay.ipv4.first?.bound
        relayIPv6 = relay.ipv6.first?.bound
        externalIPv4 = relay.ipv4.first?.external
        externalIPv6 = relay.ipv6.first?.external
        moreRelays = Array(relay.ipv4.dropFirst() + relay.ipv6.dropFirst())
        ports = settings.relay.ports
        relaysTCP = settings.relay.tcp
        deny = settings.peers.deny.compactMap { AddressPrefix($0) }
        allow = settings.peers.allow.compactMap { AddressPrefix($0) }
        self.secrets = secrets.map { Array($0.utf8) }
        try setAuthentication(settings.auth)
        setAlternates(settings.server)
        takesCoturnNumber = settings.server.coturnDual
        prefersClientFamily = settings.server.defaultFamily == "client"
        tellsMappedAddress = settings.server.tellsMappedAddress
        natDiscovery = try settings.listen.crossedAddresses
        setLimits(settings.limits)
    }

    /// Denies the machine's own addresses as peers: what listens there is not for the world.
    ///
    /// Those that `peers/allow` names stay open, and relayed ports of our own are always reached.
    mutating func deny(machine addresses: [IPAddress]) {
        for address in addresses where !allow.contains(where: { $0.contains(address) }) {
            let length = address.family == .ipv4 ? 32 : 128
            if let prefix = AddressPrefix(address, length: length) { deny.append(prefix) }
        }
    }

    private mutating func setAuthentication(_ auth: Settings.Auth) throws(StartProblem) {
        isAuthenticationRequired = auth.isRequired
        nonceLifetimeSeconds = UInt32(auth.nonceLifetimeSeconds)
        // All threads must know each other's nonces, also when the operator names no key.
        nonceKey = auth.nonceKey.isEmpty ? randomBytes(32) : Array(auth.nonceKey.utf8)
        for user in auth.users {
            guard let user = StaticUser(name: user.name, password: user.value) else {
                throw StartProblem("auth/users/\(user.name): not a name and password for TURN")
            }
            users.append(user)
        }
        takesShortSessionKeys = auth.takesShortSessionKeys
        serverName = auth.serverName.isEmpty ? realm : auth.serverName
        for key in auth.oauthKeys {
            guard let key = AccessTokenKey(name: key.name, value: key.value) else {
                throw StartProblem("auth/oauth_keys/\(key.name): not a key with its options")
            }
            accessTokenKeys.append(key)
        }
    }

    private mutating func setAlternates(_ server: Settings.Server) {
        alternates = server.alternates.compactMap { AlternateServer($0) }
        redirect = server.redirect == "always" ? .always : .draining
        isDraining = server.isDraining
    }

    private mutating func setLimits(_ limits: Settings.Limits) {
        // Chance may put all clients on one thread. Tables are memory that costs nothing until it is used.
        allocationCapacity = limits.allocations
        permissionsPerAllocation = limits.permissionsPerAllocation
        channelsPerAllocation = limits.channelsPerAllocation
        tcpConnectionsPerAllocation = limits.tcpConnectionsPerAllocation
        bandwidthPerAllocation = UInt64(limits.bandwidthPerAllocation)
        unauthenticatedPerSecond = UInt32(limits.unauthenticatedPerSecond)
        unauthenticatedTotalPerSecond = UInt32(limits.unauthenticatedTotalPerSecond)
        maximumLifetimeSeconds = UInt32(limits.lifetimeMaximumSeconds)
        permissionLifetimeSeconds = UInt32(limits.permissionLifetimeSeconds)
        channelLifetimeSeconds = UInt32(limits.channelLifetimeSeconds)
    }
}

extension Settings.Listen {
    /// The addresses of NAT behaviour discovery.
    ///
    /// - Throws: When they are none that a socket can have alone, or do not differ as they must.
    var crossedAddresses: [CrossedAddresses] {
        get throws(StartProblem) {
            let addresses = natDiscovery.compactMap { TransportAddress($0) }
            if let every = addresses.first(where: \.ip.isWildcard) {
                throw StartProblem("listen/nat_discovery: \(every.ip) is every address; name one")
            }
            var crossed: [CrossedAddresses] = []
            for family in [AddressFamily.ipv4, .ipv6] {
                let pair = addresses.filter { $0.ip.family == family }
                if pair.isEmpty { continue }
                guard pair.count == 2, let square = CrossedAddresses(pair[0], pair[1]) else {
                    throw StartProblem(
                        "listen/nat_discovery: needs two addresses of a family with different ports"
                    )
                }
                crossed.append(square)
            }
            return crossed
        }
    }
}

extension Settings {
    /// Where requests of HTTP go that come on a shared port: to this machine, whatever address is listened on.
    var sharedWebServer: TransportAddress? {
        guard listen.sharesHTTP, let http = control.http.first,
            var address = TransportAddress(http)
        else { return nil }
        if address.ip.isWildcard {
            address.ip =
                address.ip.family == .ipv4
                ? IPAddress(ipv4: 0x7F00_0001) : IPAddress(ipv6High: 0, low: 1)
        }
        return address
    }
}

extension RelayThreadConfiguration {
    /// What one relay thread is told.
    ///
    /// - Parameters:
    ///   - settings: The attribute tree.
    ///   - server: The TURN server, the same for all threads.
    ///   - listeners: The addresses to listen on over UDP, the same for all threads.
    ///   - streamListeners: The addresses to listen on over TCP, the same for all threads.
    ///   - cpu: The CPU of this thread.
    init(
        _ settings: Settings,
        server: ServerConfiguration,
        listeners: [TransportAddress],
        streamListeners: [TransportAddress],
        cpu: Int
    ) {
        self.init(server: server, listeners: listeners)
        self.streamListeners = streamListeners
        connections.connections = settings.limits.connections
        connections.perSource = UInt32(settings.limits.connectionsPerSource)
        connections.handshakes = settings.limits.handshakes
        connections.webServer = settings.sharedWebServer
        connections.proxies = settings.listen.proxySources.compactMap { AddressPrefix($0) }
        connections.idleSeconds = UInt64(settings.limits.connectionIdleSeconds)
        streamReceiveBuffer = settings.tcp.receiveBuffer
        streamSendBuffer = settings.tcp.sendBuffer
        self.cpu = cpu
        numa = settings.threads.numa
        ringEntries = settings.ring.entries
        batchWaitMicroseconds = UInt32(settings.ring.batchWaitMicroseconds)
        busyPollMicroseconds = settings.ring.busyPollMicroseconds
        bufferCount = settings.buffers.count
        bufferSize = settings.buffers.size
        // The pool falls back to ordinary pages by itself where no huge ones are reserved.
        hugePages = settings.buffers.hugepages != "0"
        receiveOffload = settings.udp.gro
        segmentation = settings.udp.gso
        trafficClasses = settings.udp.dscp.map { .marked(dscp: UInt8($0)) } ?? .copied
        receiveBuffer = settings.udp.receiveBuffer
        sendBuffer = settings.udp.sendBuffer
    }
}
