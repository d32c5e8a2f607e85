/// Ports shared with a web server: a connection whose first request is not for TURN is joined to one with that server.
///
/// TLS ends here. A header of the PROXY protocol tells the web server who the client is, and whether it speaks TLS. From
/// then on the web server's own timers hold for the connection; only a client that does not take what it asked for, or
/// does not end when all was said, has a stranger's time.

internal import IOURing
internal import STUN
internal import TLS
internal import TURN

extension RelayEngine {
    /// What is spoken on a stream that begins with this byte, unless ALPN has said it.
    func speech(of index: ConnectionIndex, beginningWith first: UInt8) -> Connection.Speech {
        let isHTTP =
            connections.limits.webServer != nil
            && security.sessions.applicationProtocol(index.rawValue) == .http
        return isHTTP || Limits.capitalLetters ~= first ? .http : .messages
    }

    /// Whether requests that are not for TURN go on to the web server: not those of who asked for TURN (RFC 7443).
    func sharesPort(_ index: ConnectionIndex) -> Bool {
        guard connections.limits.webServer != nil else { return false }
        return switch security.sessions.applicationProtocol(index.rawValue) {
        case .turn, .natDiscovery: false
        case .http, .unspecified: true
        }
    }

    /// Joins a client to the web server, with what came of its request: what is kept, and then what is unread.
    mutating func share<Opener: RelayOpener & ~Copyable>(
        _ unread: Range<Int>,
        of buffer: BufferIndex,
        from client: ConnectionIndex,
        at now: Now,
        opener: inout Opener
    ) {
        guard let server = openWebServer(opener: &opener) else {
            return refuseSharing(to: client)
        }
        connections.statistics.shared &+= 1
        connections.heard(client, hasAllocation: true, at: 0)
        connections[client].speech = .messages
        connections[client].role = .joined
        connections[client].joining.isHeld = true
        connections[client].joining.partner = server
        connections[server].joining.partner = client
        let count = Self.proxyHeader(of: connections[client], &replies.scratch)
        let kept = connections[client].carry.count
        guard connections.makeRoom(for: count + kept, of: server) else {
            connections[client].ending = .atOnce
            return
        }
        Self.append(replies.scratch, count: count, to: &connections, server)
        connections.appendCarry(of: client, to: server)
        if !unread.isEmpty { takeRaw(unread, of: buffer, from: client, at: now) }
    }

    private mutating func openWebServer<Opener: RelayOpener & ~Copyable>(
        opener: inout Opener
    ) -> ConnectionIndex? {
        guard let address = connections.limits.webServer, connections.hasRoomForWebServer,
            let descriptor = opener.connect(toWebServer: address)
        else { return nil }
        let index = connections.openPeer(nil, at: address, descriptor: descriptor, .connecting)
        assert(index != nil, "room was checked")
        return index
    }

    @inline(never)
    private mutating func refuseSharing(to client: ConnectionIndex) {
        connections.statistics.sharesRefused &+= 1
        let count = Self.write(&replies.scratch) { HTTPRefusal.unavailable.write(in: &$0) }
        replyOnConnection(count: count, to: client)
        connections[client].ending = .afterSending
    }

    private static func proxyHeader(
        of client: Connection,
        _ scratch: inout ReplyWriter.Scratch
    ) -> Int {
        write(&scratch) {
            ProxyHeader.write(client.fiveTuple.client, isEncrypted: client.isSealing, in: &$0)
        }
    }

    /// Goes on with a connection to the web server that was made, or tells the client that it was not.
    mutating func webServerAnswered(_ index: ConnectionIndex, isConnected: Bool) {
        let client = connections[index].joining.partner
        guard client != .none else { return closeBoth(index) }
        guard isConnected else {
            refuseSharing(to: client)
            return closeBoth(index)
        }
        connections[index].role = .joined
        connections[index].joining.isHeld = true
        connections.markDirty(index)
        connections.markDirty(client)
    }

    // MARK: Clients that wait or are waited for

    /// Gives a web server's client that takes nothing more a stranger's time.
    mutating func stalled(_ index: ConnectionIndex, at now: Now) {
        if isWebClient(index) {
            connections.heard(index, hasAllocation: false, at: now.seconds)
        }
    }

    /// Takes that time away again, unless the web server has said all.
    mutating func goesOn(_ index: ConnectionIndex) {
        guard isWebClient(index) else { return }
        let isOver = connections[connections[index].joining.partner].joining.isInputOver
        if !isOver { connections.heard(index, hasAllocation: true, at: 0) }
    }

    private func isWebClient(_ index: ConnectionIndex) -> Bool {
        let connection = connections[index]
        guard connection.role == .joined, connection.joining.partner != .none else { return false }
        return connections[connection.joining.partner].isOfWebServer
    }
}
