/// `load-generator relay`: sets the flows up, plays the traffic, prints one JSON line.

import ArgumentParser
import CLoad
import Glibc

struct RelayRun: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "relay",
        abstract: "Play clients and peers through a server and measure what it relays."
    )

    @OptionGroup var server: ServerOptions
    @OptionGroup var traffic: TrafficOptions

    func run() throws {
        let place = try server.place()
        try server.pin()
        let clients = try Sockets.open(port: traffic.clientPort)
        let peers = try Sockets.open(port: traffic.peerPort)
        if traffic.kernelStamps { try Sockets.stampArrivals(clients, peers) }
        var streams = try streams(place)
        let flows: [Flow]
        switch (traffic.target, traffic.transport) {
        case (.bare, _): flows = bareFlows(place, clients: clients, peers: peers)
        case (.turn, .udp): flows = try turnFlows(place, clients: clients, peers: peers)
        case (.turn, .tcp), (.turn, .tls):
            let ready = try self.clients(over: &streams, peerPort: load_port(peers))
            flows = try turnFlows(ready, place, clients: clients, peers: peers)
        }
        var session = try Traffic(
            options: traffic,
            flows: flows,
            clients: clients,
            peers: peers,
            streams: streams,
            crowd: try crowd(place)
        )
        let process = server.serverPid.map { ServerProcess(pid: $0) }
        let result = session.run { process?.usage() ?? ProcessUsage(time: monotonicNanoseconds()) }
        try session.stamps.check()
        print(report(result))
    }

    private func bareFlows(_ place: Endpoint, clients: Int32, peers: Int32) -> [Flow] {
        (0..<traffic.flows).map { index in
            Flow(
                client: Endpoint(address: Population.client(index), port: load_port(clients)),
                peer: Endpoint(address: Population.peer(index), port: load_port(peers)),
                server: place,
                relay: Endpoint(
                    address: place.address,
                    port: place.port &+ 1 &+ UInt16(index)
                ),
                framing: traffic.transport == .udp ? .none() : channelFraming(index),
                channel: traffic.transport == .udp ? 0 : channel(index)
            )
        }
    }

    private func turnFlows(_ place: Endpoint, clients: Int32, peers: Int32) throws -> [Flow] {
        let peerPort = load_port(peers)
        var conversation = try Conversation(
            socket: clients,
            server: place,
            credentials: server.credentials,
            clients: traffic.flows
        )
        try require(conversation.round(window: 8) { _ in .allocate(lifetimeSeconds: 600) })
        try require(conversation.round(window: 8) { wish(of: $0.index, peerPort: peerPort) })
        return try turnFlows(conversation.clients, place, clients: clients, peers: peers)
    }

    /// The flows of clients that have their allocations and channels.
    private func turnFlows(
        _ ready: [Client],
        _ place: Endpoint,
        clients: Int32,
        peers: Int32
    ) throws -> [Flow] {
        let usesChannels = !traffic.sendIndications
        return try ready.map { client in
            let peer = Endpoint(address: Population.peer(client.index), port: load_port(peers))
            guard let relay = client.relay else { throw Failure("a client has no relayed address") }
            return Flow(
                client: Endpoint(
                    address: Population.client(client.index),
                    port: load_port(clients)
                ),
                peer: peer,
                server: place,
                relay: relay,
                framing: usesChannels
                    ? channelFraming(client.index)
                    : .indication(to: peer, payloadCount: traffic.size),
                channel: usesChannels ? channel(client.index) : 0
            )
        }
    }

    /// A channel to its peer for a client, or the permission.
    func wish(of index: Int, peerPort: UInt16) -> Wish {
        let peer = Endpoint(address: Population.peer(index), port: peerPort)
        return traffic.sendIndications ? .permit(peer) : .bind(channel: channel(index), peer)
    }

    private func channelFraming(_ index: Int) -> Framing {
        .channel(channel(index), payloadCount: traffic.size, over: traffic.transport)
    }

    private func channel(_ index: Int) -> UInt16 { UInt16(ChannelNumbers.first + index) }

    private func require(_ round: RoundResult) throws {
        guard round.granted == traffic.flows else {
            throw Failure("the server refused the set-up (code x times): \(round.refusals)")
        }
    }

    private func report(_ result: TrafficResult) -> JSONLine {
        let relayed = Double(max(1, result.end.tally.received - result.begin.tally.received))
        let bytes = Double(result.end.tally.payloadBytes - result.begin.tally.payloadBytes)
        let elapsed = Double(max(1, result.end.usage.time - result.begin.usage.time))
        let idle = Double(result.end.tally.idleNanoseconds - result.begin.tally.idleNanoseconds)
        let own = Double(
            result.end.own.scheduledNanoseconds - result.begin.own.scheduledNanoseconds
        )
        let (used, before) = (result.end.usage, result.begin.usage)
        let scheduled = Double(used.scheduledNanoseconds) - Double(before.scheduledNanoseconds)
        let accounted = Double(used.accountedNanoseconds) - Double(before.accountedNanoseconds)
        let lost = result.sent - min(result.sent, result.received)
        var line = JSONLine()
        line.add("target", traffic.target.rawValue)
        line.add("transport", traffic.transport.rawValue)
        line.add("direction", traffic.direction.rawValue)
        line.add("pattern", traffic.pattern.description)
        line.add("framing", traffic.sendIndications ? "indications" : "channels")
        line.add("flows", traffic.flows)
        line.add("size", traffic.size)
        line.add("rate", traffic.rate)
        line.add("window", traffic.window)
        line.add("seconds", elapsed / 1e9)
        line.add("datagrams_per_s", relayed / elapsed * 1e9)
        line.add("bits_per_s", bytes * 8 / elapsed * 1e9)
        line.add("sent", result.sent)
        line.add("received", result.received)
        line.add("lost", lost)
        line.add("loss_percent", Double(lost) * 100 / Double(max(1, result.sent)))
        line.add("reordered", result.total.reordered)
        line.add("duplicated", result.total.duplicated)
        line.add("corrupted", result.total.corrupted)
        line.add("latency_until", traffic.kernelStamps ? "stamped" : "looked at")
        line.add("latency_p50_us", Double(result.latency.quantile(0.5)) / 1e3)
        line.add("latency_p99_us", Double(result.latency.quantile(0.99)) / 1e3)
        line.add("latency_max_us", Double(result.latency.maximum) / 1e3)
        line.add("server_cpu_ns_per_datagram", scheduled / relayed)
        line.add("server_cpu_ns_per_datagram_by_ticks", accounted / relayed)
        line.add("server_cpu_share", scheduled / elapsed)
        line.add("server_rss_bytes", used.residentBytes)
        line.add(
            "server_preempted_share",
            Double(used.waitedNanoseconds &- before.waitedNanoseconds) / elapsed
        )
        line.add(
            "generator_preempted_share",
            Double(result.end.own.waitedNanoseconds &- result.begin.own.waitedNanoseconds) / elapsed
        )
        line.add("generator_cpu_ns_per_datagram", max(0, own - idle) / relayed)
        line.add("generator_busy_share", max(0, own - idle) / max(1, own))
        line.add("generator_late_p99_us", Double(result.lateness.quantile(0.99)) / 1e3)
        line.add("generator_late_max_us", Double(result.lateness.maximum) / 1e3)
        line.add("generator_refused_sends", result.refusedSends)
        line.add("streams_ended", result.endedStreams)
        guard traffic.stormRate > 0 else { return line }
        add(result.handshakes, seconds: elapsed / 1e9, to: &line)
        return line
    }
}
