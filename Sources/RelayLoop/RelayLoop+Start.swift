/// How a relay thread takes everything it will ever need, before the first receive is armed.

internal import Exchange
internal import IOURing
internal import STUN
internal import TURN

extension RelayLoop {
    /// Pins the calling thread, takes its memory, and opens and arms its sockets.
    ///
    /// - Throws: `StartError` with one line for whoever reads the log.
    static func start(
        index: Int,
        configuration: RelayThreadConfiguration,
        shared: SharedState,
        inbox: RelayInbox,
        counters: CounterBlock
    ) throws(StartError) -> RelayLoop {
        let node = try Self.pin(index: index, configuration)
        let listeners = try Listeners(configuration)
        let files = Self.registeredFiles(configuration)
        let memory = try Self.memory(index: index, configuration, files: files, node: node)
        var loop = RelayLoop(
            memory: memory,
            lending: Lending(most: configuration.bufferCount),
            sockets: RelaySockets(
                capacity: files.relays,
                configuration: RelaySocketConfiguration(configuration),
                shared: shared
            ),
            receives: Receives(files: files.count),
            files: files,
            listeners: listeners,
            configuration: configuration,
            inbox: inbox,
            counters: counters,
            index: index,
            post: shared.post
        )
        loop.memory.engine.take(
            place: index,
            of: shared.arrivals.count,
            mayMove: configuration.server.allowsMobility && shared.post.threads > 1
        )
        loop.loadCertificates()
        try loop.arm(index: index)
        return loop
    }

    private mutating func arm(index: Int) throws(StartError) {
        do throws(Errno) {
            for index in 0..<listeners.count {
                let file = UInt32(index)
                try memory.ring.register(file: listeners.descriptor(at: index), at: file)
                receives.arm(file)
            }
            for index in 0..<listeners.streamCount {
                let file = files.file(ofStreamListener: index)
                try memory.ring.register(file: listeners.streamDescriptor(at: index), at: file)
            }
        } catch {
            throw StartError("relay thread \(index): cannot register its listeners: \(error)")
        }
        for index in 0..<listeners.streamCount { accepts.arm(files.file(ofStreamListener: index)) }
        awaitInbox()
        lendBuffers()
        let now = Clock.now()
        armReceives(at: now)
        armAccepts(at: now)
    }

    /// Pins the calling thread and names it.
    ///
    /// - Returns: the NUMA node to take memory from.
    private static func pin(
        index: Int,
        _ configuration: RelayThreadConfiguration
    ) throws(StartError) -> Int? {
        CurrentThread.name("relay \(index)")
        guard let cpu = configuration.cpu else { return nil }
        do throws(Errno) {
            try CurrentThread.pin(toCPU: cpu)
        } catch {
            throw StartError("relay thread \(index): cannot run on CPU \(cpu): \(error)")
        }
        return configuration.numa ? Machine.node(ofCPU: cpu) : nil
    }

    /// As many connections and relayed sockets as were asked for, less what the descriptor limit forbids.
    private static func registeredFiles(_ configuration: RelayThreadConfiguration)
        -> RegisteredFiles
    {
        let streamListeners = configuration.streamListeners.count
        let listeners = configuration.listeners.count
        let limit =
            Machine.raiseDescriptorLimit() - Limits.otherDescriptors - listeners - streamListeners
        let wanted = configuration.connections.connections
        // Relayed sockets first: a client over UDP needs nothing else.
        let connections = max(0, min(wanted, limit / 4))
        return RegisteredFiles(
            listeners: listeners,
            streamListeners: streamListeners,
            relays: max(1, min(configuration.server.relayIndexLimit, limit - connections)),
            connections: connections
        )
    }

    private static func memory(
        index: Int,
        _ configuration: RelayThreadConfiguration,
        files: RegisteredFiles,
        node: Int?
    ) throws(StartError) -> LoopMemory {
        var ring = try ring(entries: configuration.ringEntries, files: files.count)
        do throws(Errno) {
            let bufferRing = try BufferRing(capacity: configuration.bufferCount)
            try ring.attach(bufferRing)
            let engine = try engine(index: index, configuration, files: files, node: node)
            return LoopMemory(ring: ring, bufferRing: bufferRing, engine: engine)
        } catch {
            throw StartError("relay thread \(index): no memory for its buffers: \(error)")
        }
    }

    private static func ring(entries: Int, files: Int) throws(StartError) -> Ring {
        do throws(Errno) {
            return try Ring(
                entries: entries,
                completionEntries: entries * Limits.completionsPerSubmission,
                files: files
            )
        } catch {
            throw StartError(KernelSupport.explanation(of: error))
        }
    }

    /// 32 bytes of the system's random source, for hashes, ports and tokens of this thread.
    private static func seed() -> [UInt8] {
        (0..<32).map { _ in UInt8.random(in: .min ... .max) }
    }

    private static func engine(
        index: Int,
        _ configuration: RelayThreadConfiguration,
        files: RegisteredFiles,
        node: Int?
    ) throws(Errno) -> RelayEngine {
        try RelayEngine(
            server: TURNServer(configuration: configuration.server(of: index), seed: Self.seed()),
            pool: try BufferPool(
                count: configuration.bufferCount + Limits.spareBuffers,
                size: configuration.bufferSize + Limits.headroom,
                hugePages: configuration.hugePages,
                node: node
            ),
            batch: try SendBatch(
                slots: Limits.sendSlots,
                segmentation: configuration.segmentation
            ),
            registeredFiles: files,
            trafficClasses: configuration.trafficClasses,
            connections: configuration.connections(places: files.connections),
            hash: KeyedHash(.random(in: .min ... .max), .random(in: .min ... .max))
        )
    }
}

extension RelayThreadConfiguration {
    /// The server, told by which numbers its thread and its listeners go.
    fileprivate func server(of thread: Int) -> ServerConfiguration {
        var server = server
        server.threadNumber = thread
        server.listeners = listeners
        server.streamListeners = streamListeners
        return server
    }

    /// How this thread's sockets are opened.
    func socketOptions(sharesPort: Bool) -> DatagramSocketOptions {
        var options = DatagramSocketOptions()
        options.sharesPort = sharesPort
        // A train that does not fit its buffer would be cut.
        options.coalescesReceives = receiveOffload && bufferSize >= Limits.coalescedBytes
        options.receivesTrafficClass = true
        // Only relayed sockets send to whom others chose, and have somebody to tell.
        options.queuesErrors = !sharesPort
        options.receiveBuffer = receiveBuffer
        options.sendBuffer = sendBuffer
        return options
    }
}

extension RelayThreadConfiguration {
    /// How the listening sockets of streams are opened.
    var streamSocketOptions: StreamSocketOptions {
        var options = StreamSocketOptions()
        options.sharesPort = true
        options.receiveBuffer = streamReceiveBuffer
        options.sendBuffer = streamSendBuffer
        return options
    }

    /// The limits of connections with as many places as there are files for them.
    func connections(places: Int) -> ConnectionLimits {
        var limits = connections
        limits.connections = places
        limits.peers = server.relaysTCP ? server.tcpConnectionCapacity : 0
        return limits
    }
}

extension RelaySocketConfiguration {
    /// The relayed sockets of a thread.
    init(_ configuration: RelayThreadConfiguration) {
        ipv4 = configuration.server.relayAddresses(.ipv4)
        ipv6 = configuration.server.relayAddresses(.ipv6)
        firstIPv4 = ipv4.count > 0 ? ipv4[0].bound : nil
        firstIPv6 = ipv6.count > 0 ? ipv6[0].bound : nil
        options = configuration.socketOptions(sharesPort: false)
        streamOptions = configuration.streamSocketOptions
        streamOptions.sharesPort = false
    }
}
