/// What is decided about the control plane before it starts.

import Control
import Glibc
import STUN
import Tunables

/// The control plane that the settings describe, on this machine.
struct ControlPlan {
    let configuration: ControlConfiguration
    /// The CPUs for its thread: those without a relay thread, if there are any.
    let cpus: [Int]

    /// Makes the tokens that are not there yet, and checks what can be checked.
    ///
    /// - Parameters:
    ///   - settings: The attribute tree.
    ///   - state: Where the server keeps its secrets.
    ///   - turn: Addresses of the TURN server, and the secret of its credentials.
    ///   - processors: Where relay threads run.
    /// - Throws: What keeps the control plane from starting, in one line.
    init(
        _ settings: Settings,
        state: StateDirectory,
        turn: (listeners: [TransportAddress], streams: [TransportAddress], secret: String),
        processors: Processors
    ) throws(StartProblem) {
        let others = processors.allowed.filter { !processors.ofThreads.contains($0) }
        cpus = others.isEmpty ? processors.allowed : others
        var configuration = ControlConfiguration()
        configuration.version = turnpikeVersion
        configuration.http = try Self.endpoints(settings.control.http, "control/http")
        configuration.sharesPorts = settings.listen.sharesHTTP
        configuration.https = try Self.endpoints(settings.control.https, "control/https")
        configuration.adminSocket = try Self.adminSocket(settings, state)
        configuration.origins = settings.control.origins
        configuration.headerMessage = settings.control.headerMessage
        configuration.limits.connections = settings.control.connections
        configuration.limits.connectionsPerAddress = settings.control.connectionsPerAddress
        configuration.adminToken = try Self.secret(settings.control.adminToken, .adminToken, state)
        configuration.roomTokenKey = try Self.secret(settings.rooms.tokenKey, .roomTokenKey, state)
        configuration.setRooms(settings.rooms)
        configuration.ice.urls = settings.ice.urls
        configuration.ice.lifetimeSeconds = settings.ice.lifetimeSeconds
        configuration.ice.udpPort = turn.listeners.first.map { Int($0.port) }
        configuration.ice.tcpPort = turn.streams.first.map { Int($0.port) }
        configuration.ice.tlsPort = settings.listen.tls.first.flatMap { TransportAddress($0) }
            .map { Int($0.port) }
        configuration.ice.secret = turn.secret
        try configuration.setCertificate(settings.tls)
        self.configuration = configuration
    }

    /// Where browsers find the pages: on this machine, then over HTTPS, by an address that others reach.
    func pages(outside: IPAddress) -> [String] {
        let http = configuration.http.map { "http://\(Self.authority($0, wildcard: "localhost"))/" }
        let https = configuration.https.map {
            "https://\(Self.authority($0, wildcard: uriHost(outside)))/"
        }
        // Where nothing else serves HTTPS, the port of TURN over TLS may.
        let shared = configuration.sharesPorts ? configuration.ice.tlsPort : nil
        let secure = https.first ?? shared.map { "https://\(uriHost(outside)):\($0)/" }
        return [http.first, secure].compactMap { $0 }
    }

    private static func secret(
        _ given: String,
        _ key: StateDirectory.Key,
        _ state: StateDirectory
    ) throws(StartProblem) -> String {
        given.isEmpty ? try state.valueMadeIfAbsent(of: key) : given
    }

    private static func adminSocket(
        _ settings: Settings,
        _ state: StateDirectory
    ) throws(StartProblem) -> String {
        let path = AdminSocket.path(settings, state)
        guard let path else { return "" }
        if path.utf8.count > AdminSocket.longestPath {
            throw StartProblem(
                "control/admin: \(path) is too long for a socket; name a shorter path"
            )
        }
        if AdminSocket.answers(path) {
            throw StartProblem(
                "control/admin: another server answers at \(path); name another --state or control/admin"
            )
        }
        return path
    }

    private static func endpoints(
        _ texts: [String],
        _ attribute: String
    ) throws(StartProblem) -> [TransportAddress] {
        let addresses = texts.compactMap { TransportAddress($0) }
        for address in addresses {
            let number = try ProbeSocket(address.ip.family, kind: .stream).bind(to: address)
            if let problem = ListenProblem.text(number, attribute, address) { throw problem }
        }
        return addresses
    }

    private static func authority(_ address: TransportAddress, wildcard: String) -> String {
        "\(address.ip.isWildcard ? wildcard : uriHost(address.ip)):\(address.port)"
    }
}

/// Why a TCP address cannot be listened on.
private enum ListenProblem {
    static func text(
        _ number: Int32,
        _ attribute: String,
        _ address: TransportAddress
    ) -> StartProblem? {
        switch number {
        case 0: nil
        case EADDRINUSE:
            StartProblem(
                "\(attribute): \(address) is in use by another program; see: ss -tlpn sport = \(address.port); or --set \(attribute)=ADDRESS:PORT, empty for off"
            )
        case EADDRNOTAVAIL:
            StartProblem("\(attribute): \(address) is not an address of this machine")
        case EACCES:
            StartProblem(
                "\(attribute): \(address): ports below 1024 need root or CAP_NET_BIND_SERVICE"
            )
        default: StartProblem("\(attribute): \(address)", errno: number)
        }
    }
}

extension ControlConfiguration {
    fileprivate mutating func setRooms(_ settings: Settings.Rooms) {
        rooms.capacity = settings.capacity
        rooms.graceSeconds = settings.graceSeconds
        rooms.joinGraceSeconds = settings.joinGraceSeconds
        rooms.ttlSeconds = settings.ttlSeconds
        rooms.maximum = settings.maximum
        rooms.requiresToken = settings.areTokensRequired
        rooms.bypassesJoinConfirmation = settings.bypassesJoinConfirmation
    }

    fileprivate mutating func setCertificate(_ tls: Settings.TLS) throws(StartProblem) {
        certificate = tls.certificate
        privateKey = tls.privateKey
        if https.isEmpty { return }
        if certificate.isEmpty || privateKey.isEmpty {
            throw StartProblem(
                "control/https: needs tls/certificate and tls/private_key, or serve --self-signed"
            )
        }
        for (path, attribute) in [
            (certificate, "tls/certificate"), (privateKey, "tls/private_key"),
        ] where access(path, R_OK) != 0 {
            throw StartProblem("\(attribute): \(path)", errno: errno)
        }
    }
}
