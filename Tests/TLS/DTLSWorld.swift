/// A DTLS client and the server's side, and a wire that may lose and reorder datagrams.

import TLS

final class DTLSWorld {
    let context: TLSContext
    let client: Client
    let server: Server
    let index: UInt32
    /// The longest datagram the server sent while handshaking.
    private(set) var longest = 0
    /// How many HelloVerifyRequests the server sent.
    private(set) var verifies = 0

    init(
        _ context: TLSContext,
        _ client: Client,
        _ server: Server = Server(),
        index: UInt32 = 0
    ) {
        self.context = context
        self.client = client
        self.server = server
        self.index = index
    }

    convenience init(_ client: Client = Client(datagram: true), mtu: Int = 1200) throws {
        self.init(try Certificates.context(.datagram, mtu: mtu), client)
    }

    /// What the client sends now.
    func clientsFlight() -> [[UInt8]] {
        client.handshake()
        return client.take()
    }

    /// Hands one datagram to the server, and what it answers back.
    func serve(_ datagram: [UInt8]) -> [[UInt8]] {
        guard server.sessions.isOpen(index) else { return greet(datagram) }
        return note(server.receive(datagram, at: index)).datagrams
    }

    /// Notes how long the server's datagrams are.
    func note(_ step: Server.Step) -> Server.Step {
        longest = step.datagrams.map(\.count).max().map { max($0, longest) } ?? longest
        return step
    }

    private func greet(_ datagram: [UInt8]) -> [[UInt8]] {
        let (hello, output) = server.listen(datagram, at: index, context)
        switch hello {
        case .ignored: return []
        case .verify:
            verifies += 1
            return [output]
        case .accepted: return note(server.receive([], at: index)).datagrams
        }
    }

    /// Goes on until both are quiet; `wire` says what becomes of each flight.
    func talk(_ wire: ([[UInt8]]) -> [[UInt8]] = { $0 }) {
        var sent = clientsFlight()
        while !sent.isEmpty {
            let answers = wire(sent).flatMap { serve($0) }
            wire(answers).forEach(client.feed)
            sent = clientsFlight()
        }
    }

    /// A world whose handshake is done.
    static func established() throws -> DTLSWorld {
        let world = try DTLSWorld()
        world.talk()
        return world
    }
}
