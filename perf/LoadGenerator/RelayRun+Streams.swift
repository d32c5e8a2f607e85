/// Setting up flows whose clients come over TCP or TLS.

import CLoad

extension RelayRun {
    /// Connects every client.
    func streams(_ place: Endpoint) throws -> Streams {
        var streams = try Streams(
            limit: traffic.transport == .udp ? 0 : traffic.flows,
            isTLS: traffic.transport == .tls
        )
        guard traffic.transport != .udp else { return streams }
        let tls = try traffic.transport == .tls ? TLSClients.make(version: .any) : nil
        for _ in 0..<traffic.flows { try streams.connect(to: place, tls: tls) }
        return streams
    }

    /// Allocates and binds for every client over its stream.
    func clients(over streams: inout Streams, peerPort: UInt16) throws -> [Client] {
        var conversation = StreamConversation(
            credentials: server.credentials,
            clients: traffic.flows
        )
        for index in 0..<traffic.flows {
            try conversation.ask(index, .allocate(lifetimeSeconds: 600), over: &streams)
            try conversation.ask(index, wish(of: index, peerPort: peerPort), over: &streams)
        }
        return conversation.clients
    }

    /// Those who only shake hands, if the options ask for them.
    func crowd(_ place: Endpoint) throws -> HandshakeCrowd {
        guard traffic.stormRate > 0 else { return HandshakeCrowd() }
        return HandshakeCrowd(
            server: Endpoint(address: place.address, port: traffic.stormPort),
            tls: try TLSClients.make(version: .any),
            rate: traffic.stormRate,
            atOnce: 64
        )
    }

    /// What the handshakes came to, and what they took of the generator's own time.
    func add(_ handshakes: HandshakeTally, seconds: Double, to line: inout JSONLine) {
        line.add("storm_finished", handshakes.finished)
        line.add("storm_failed", handshakes.failed)
        line.add("storm_per_s", Double(handshakes.finished) / seconds)
        line.add("storm_generator_share", Double(handshakes.spentNanoseconds) / 1e9 / seconds)
        line.add("storm_generator_step_max_us", Double(handshakes.longestNanoseconds) / 1e3)
    }
}

/// The version of TLS that clients offer.
enum TLSChoice: String, CaseIterable {
    case any
    case tls12 = "1.2"
    case tls13 = "1.3"

    /// As CLoad counts versions.
    var number: Int32 {
        switch self {
        case .any: 0
        case .tls12: 12
        case .tls13: 13
        }
    }
}

/// What TLS clients share.
enum TLSClients {
    static func make(version: TLSChoice, resumes: Bool = false) throws -> OpaquePointer {
        guard let made = load_tls_create(version.number, resumes ? 1 : 0) else {
            throw Failure("TLS cannot start")
        }
        return made
    }
}
