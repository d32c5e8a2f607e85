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
            counters: counters
        )
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
        } catch {
            throw StartError("relay thread \(index): cannot register its listeners: \(error)")
        }
        awaitInbox()
        lendBuffers()
        armReceives()
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

    /// As many relayed sockets as the server may hold, less what the descriptor limit forbids.
    private static func registeredFiles(_ configuration: RelayThreadConfiguration)
        -> RegisteredFiles
    {
        let listeners = configuration.listeners.count
        let limit = Machine.raiseDescriptorLimit() - Limits.otherDescriptors - listeners
        return RegisteredFiles(
            listeners: listeners,
            relays: max(1, min(configuration.server.relayIndexLimit, limit))
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
            let engine = try engine(configuration, files: files, node: node)
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
        _ configuration: RelayThreadConfiguration,
        files: RegisteredFiles,
        node: Int?
    ) throws(Errno) -> RelayEngine {
        RelayEngine(
            server: TURNServer(configuration: configuration.server, seed: Self.seed()),
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
            registeredFiles: files
        )
    }
}

extension RelayThreadConfiguration {
    /// How this thread's sockets are opened.
    func socketOptions(sharesPort: Bool) -> DatagramSocketOptions {
        var options = DatagramSocketOptions()
        options.sharesPort = sharesPort
        // A train that does not fit its buffer would be cut.
        options.coalescesReceives = receiveOffload && bufferSize >= Limits.coalescedBytes
        options.receiveBuffer = receiveBuffer
        options.sendBuffer = sendBuffer
        return options
    }
}

extension RelaySocketConfiguration {
    /// The relayed sockets of a thread.
    init(_ configuration: RelayThreadConfiguration) {
        ipv4 = configuration.server.relayIPv4
        ipv6 = configuration.server.relayIPv6
        options = configuration.socketOptions(sharesPort: false)
    }
}
