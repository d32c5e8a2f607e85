/// What the control plane sees of the relay threads: their counters, their CPU time, and a way to ask.

/// The relay threads, without what they are made of.
public struct RelayView: Sendable {
    /// One relay thread.
    public struct Thread: Sendable {
        /// Its CPU; nil when the scheduler chooses.
        public var cpu: Int?
        /// What it counts.
        public var counters: CounterBlock
        /// The CPU time it used, in nanoseconds; nil once it has ended.
        public var cpuNanoseconds: @Sendable () -> UInt64?
        /// Sends a question, from the control thread only; false when the thread's inbox is full.
        public var ask: @Sendable (RelayQuestion) -> Bool
        /// The next part of an answer, for the control thread only; nil when none is there.
        public var nextAnswer: @Sendable () -> RelayAnswer?

        /// A thread of its parts.
        public init(
            cpu: Int?,
            counters: CounterBlock,
            cpuNanoseconds: @escaping @Sendable () -> UInt64?,
            ask: @escaping @Sendable (RelayQuestion) -> Bool,
            nextAnswer: @escaping @Sendable () -> RelayAnswer?
        ) {
            self.cpu = cpu
            self.counters = counters
            self.cpuNanoseconds = cpuNanoseconds
            self.ask = ask
            self.nextAnswer = nextAnswer
        }
    }

    /// The threads, in order.
    public var threads: [Thread]
    /// The relayed addresses told to clients, by family (4 or 6) and number.
    public var addresses: [UInt8: [String]]

    /// A view of threads.
    public init(threads: [Thread] = [], addresses: [UInt8: [String]] = [:]) {
        self.threads = threads
        self.addresses = addresses
    }
}
