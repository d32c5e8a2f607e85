/// The simulated world: server, network, clients and peers, driven by one queue of events.

import Exchange
import IOURing
import RelayLoop
import TURN

/// What happens in the world.
enum Event {
    case clientActs(Int)
    case peerActs(Int)
    case arrives(Packet)
    case pass(Int)
    case completes(Int, WireImage, result: Int32)
    case hears(Letter)
    case errs(ICMPMessage, from: Endpoint, about: Endpoint)
}

/// One run, all of which follows from the seed.
final class World {
    let scenario: Scenario
    let model: ReferenceModel
    let shared: SharedState
    let ledger = SocketLedger()
    let post: SimulatedPost
    /// Relayed sockets on their way between threads, and when the last word of each thread to each arrives.
    var travelling: [Endpoint] = []
    var lastLetter: [Int: Nanoseconds] = [:]
    var threads: [ServerThread] = []
    var clients: [VirtualClient] = []
    var peers: [VirtualPeer] = []
    var directory = Directory()
    var network: Network
    var queue = EventQueue<Event>()
    var chance: SeededGenerator
    var now: Nanoseconds
    /// The server makes no new allocations now.
    var isDraining = false
    /// Sends under way, by thread.
    var underWay: [Int]
    var plannedPass: [Nanoseconds?]
    /// When each thread gets to expiring; a busy one is late.
    var plannedExpiry: [Nanoseconds?]
    private(set) var trace: Trace

    init(seed: UInt64, isTracing: Bool) throws(Violation) {
        chance = SeededGenerator(seed: seed)
        scenario = Scenario(&chance)
        trace = Trace(isOn: isTracing)
        model = ReferenceModel(scenario)
        shared = SharedState(
            allocations: scenario.totalQuota,
            allocationsPerUser: scenario.userQuota
        )
        network = Network(scenario.network, chance.split())
        post = SimulatedPost(scenario, chance.split())
        now = scenario.start
        underWay = Array(repeating: 0, count: scenario.threads)
        plannedPass = Array(repeating: nil, count: scenario.threads)
        plannedExpiry = Array(repeating: nil, count: scenario.threads)
        try makeServer()
        makePeers()
        makeClients()
        planActions()
    }

    private func makeServer() throws(Violation) {
        for index in 0..<scenario.threads {
            let sockets = SimulatedSockets(
                thread: index,
                indexes: scenario.configuration().relayIndexLimit,
                shared: shared,
                ledger: ledger,
                scenario: scenario,
                chance.split()
            )
            do throws(Errno) {
                let seed = chance.bytes(32)
                threads.append(
                    try ServerThread(index: index, scenario: scenario, sockets: sockets, seed: seed)
                )
            } catch { throw Violation("no memory for the server: \(error)") }
        }
    }

    private func makePeers() {
        let places = [
            Endpoint(address: Address(45, 33, 1, 1), port: 5000),
            Endpoint(address: Address(45, 33, 1, 1), port: 5001),
            Endpoint(address: Address(45, 33, 1, 2), port: 5000),
            Endpoint(address: Address(ipv6High: 0x2A02_0001_0000_0000, low: 1), port: 5000),
            Endpoint(address: Address(ipv6High: 0x2A02_0001_0000_0000, low: 1), port: 5001),
            Endpoint(address: Address(10, 0, 0, 5), port: 5000),
        ]
        for place in places where peers.count < scenario.peers + 2 {
            peers.append(VirtualPeer(at: place, chance.split()))
        }
        directory.peers = peers.map(\.local)
    }

    private func makeClients() {
        for index in 0..<scenario.clients {
            let listener = chance.below(Scenario.listeners.count)
            var address = Address(9, 9, 9, UInt8(1 + index / 2))
            if listener == 2 {
                let native = Address(ipv6High: 0x2A03_0000_0000_0000, low: UInt64(1 + index))
                address = chance.chance(30) ? address.mapped : native
            }
            clients.append(
                VirtualClient(
                    at: Endpoint(address: address, port: UInt16(chance.within(1024...65_000))),
                    listener: listener,
                    users: scenario.users,
                    isIPv6Relay: scenario.hasIPv6Relay && chance.chance(35),
                    wantsMobility: chance.chance(scenario.allowsMobility ? 85 : 10),
                    chance.split()
                )
            )
        }
    }

    private func planActions() {
        var time = now
        let long = 6 * scenario.duration / UInt64(scenario.actions)
        for _ in 0..<scenario.actions {
            switch chance.below(100) {
            case 0..<60: time += chance.duration(0 ... .milliseconds(5))
            case 60..<85: time += chance.duration(0 ... .seconds(2))
            default: time += chance.duration(0...long)
            }
            let actor: Event =
                chance.chance(72)
                ? .clientActs(chance.below(clients.count)) : .peerActs(chance.below(peers.count))
            queue.plan(actor, at: time)
        }
    }

    /// Runs until nothing is left to happen, then checks that nothing is left behind.
    func run() throws(Violation) {
        var eventsAtOnce = 0
        while let (time, event) = queue.next() {
            eventsAtOnce = time == now ? eventsAtOnce + 1 : 0
            guard eventsAtOnce < 10_000 else { throw Violation("time stands still") }
            now = time
            try happen(event)
        }
        try checkEnd()
    }

    private func happen(_ event: Event) throws(Violation) {
        switch event {
        case .clientActs(let index):
            if chance.chance(scenario.draining) { isDraining.toggle() }
            let bytes = clients[index].act(&directory)
            sendFromClient(index, bytes)
        case .peerActs(let index):
            guard let burst = peers[index].act(&directory) else { return }
            for bytes in burst.bytes { send(bytes, from: peers[index].local, to: burst.to) }
            if chance.chance(30) { sendAlike(burst.bytes, to: burst.to) }
        case .arrives(let packet): arrive(packet)
        case .pass(let thread):
            // Only the pass planned last is still wanted.
            guard plannedPass[thread] == now else { return }
            plannedPass[thread] = nil
            try pass(thread)
        case .completes(let thread, let image, let result):
            try complete(thread, image, result: result)
            planPass(thread, at: now)
        case .hears(let letter): hear(letter)
        case .errs(let error, let relayed, let peer): err(error, from: relayed, about: peer)
        }
    }

    /// Another peer sends datagrams of the same sizes to the same address.
    private func sendAlike(_ burst: [[UInt8]], to address: Endpoint) {
        let other = chance.pick(peers)
        guard other.local.address.isIPv6 == address.address.isIPv6 else { return }
        for bytes in burst {
            send(directory.payload(bytes.count), from: other.local, to: address)
        }
    }

    /// Adds a line about what happens to the trace.
    func note(_ line: @autoclosure () -> String) { trace.add(line(), at: now - scenario.start) }

    private func sendFromClient(_ index: Int, _ datagrams: [[UInt8]]) {
        let client = clients[index]
        for bytes in datagrams {
            send(bytes, from: client.source, to: Scenario.listeners[client.listener])
        }
    }

    /// Puts a datagram on the network.
    func send(_ bytes: [UInt8], from source: Endpoint, to destination: Endpoint) {
        let packet = Packet(source: source, destination: destination, bytes: bytes)
        for time in network.arrivals(of: packet, at: now) { queue.plan(.arrives(packet), at: time) }
    }

    private func arrive(_ packet: Packet) {
        if let listener = Scenario.listeners.firstIndex(of: packet.destination) {
            return arrive(packet, at: .listener(listener), of: home(of: packet.source, listener))
        }
        let inner = model.internalForm(packet.destination)
        // A socket on its way has a receive at both ends for a while.
        let takers = threads.compactMap { thread in
            thread.sockets.relay(at: inner).map { (thread.index, $0) }
        }
        if !takers.isEmpty {
            let (thread, relay) = takers.count == 1 ? takers[0] : chance.pick(takers)
            return arrive(packet, at: .relay(relay), of: thread)
        }
        if travelling.contains(inner) {
            return queue.plan(.arrives(packet), at: now + .microseconds(50))
        }
        let place = packet.destination
        if let client = clients.firstIndex(where: { $0.local == place || $0.former == place }) {
            let bytes = clients[client].receive(packet.bytes, at: place, &directory)
            return sendFromClient(client, bytes)
        }
        guard let peer = peers.firstIndex(where: { $0.local == packet.destination }) else { return }
        for bytes in peers[peer].receive(packet.bytes, &directory) {
            send(bytes, from: peers[peer].local, to: packet.source)
        }
    }

    /// The kernel's choice among the sockets of SO_REUSEPORT: by the four-tuple.
    func home(of client: Endpoint, _ listener: Int) -> Int {
        (Int(client.port) + listener) % scenario.threads
    }

    private func arrive(_ packet: Packet, at socket: ServerSocket, of thread: Int) {
        // A socket's receive buffer is full: the kernel drops.
        guard threads[thread].inbox.count < 200 else { return }
        threads[thread].inbox.append(
            Arrival(socket: socket, source: packet.source, bytes: packet.bytes)
        )
        planPass(thread, at: now + scenario.network.passWindow)
    }

    /// Plans a pass of a thread, unless an earlier one is planned.
    func planPass(_ thread: Int, at time: Nanoseconds) {
        if let planned = plannedPass[thread], planned <= time { return }
        plannedPass[thread] = time
        queue.plan(.pass(thread), at: time)
    }
}
