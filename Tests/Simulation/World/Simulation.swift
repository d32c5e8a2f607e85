/// Runs seeds, and says what broke.

/// The simulator's entry: one seed is one world.
public enum Simulation {
    /// What a run saw, to know that it tested something.
    public struct Summary: Sendable {
        /// Datagrams that reached the server.
        public internal(set) var inputs: UInt64 = 0
        /// Datagrams relayed, in both directions.
        public internal(set) var forwards: UInt64 = 0
        /// Those of them that went to a client.
        public internal(set) var deliveries = 0
        /// Clients that moved, and allocations that followed one to another thread.
        public internal(set) var moves = 0, handovers = 0
        /// Clients that were told of ICMP errors.
        public internal(set) var errorsTold = 0
        /// Success responses, by method.
        public internal(set) var successes: [UInt16: Int] = [:]
        /// Error responses, by code.
        public internal(set) var errors: [Int: Int] = [:]

        /// Nothing yet.
        public init() {}

        /// Adds another run.
        public mutating func add(_ other: Summary) {
            inputs += other.inputs
            forwards += other.forwards
            deliveries += other.deliveries
            moves += other.moves
            errorsTold += other.errorsTold
            handovers += other.handovers
            successes.merge(other.successes, uniquingKeysWith: +)
            errors.merge(other.errors, uniquingKeysWith: +)
        }
    }

    /// A seed that broke an invariant.
    public struct Failure: Error, CustomStringConvertible {
        /// The seed to run again.
        public let seed: UInt64
        /// The broken invariant.
        public let reason: String
        /// The last events before it.
        public let trace: [String]

        /// The reason, the seed, and the events.
        public var description: String {
            "seed \(seed): \(reason)\n" + trace.map { "    \($0)\n" }.joined()
        }
    }

    /// Runs one seed.
    ///
    /// - Throws: the broken invariant, with a trace made by running the seed once more.
    public static func run(seed: UInt64) throws(Failure) -> Summary {
        do throws(Violation) { return try summary(seed) } catch {
            throw Failure(seed: seed, reason: error.text, trace: trace(seed))
        }
    }

    private static func summary(_ seed: UInt64) throws(Violation) -> Summary {
        let world = try World(seed: seed, isTracing: false)
        try world.run()
        var summary = Summary()
        summary.inputs = world.model.tally.inputs
        summary.forwards = world.model.tally.forwards
        summary.deliveries = world.model.tally.deliveries
        summary.errorsTold = world.model.tally.errorsTold
        summary.moves = world.model.tally.moves
        summary.handovers = world.model.tally.handovers
        summary.successes = world.model.tally.successes
        summary.errors = world.model.tally.errors
        return summary
    }

    private static func trace(_ seed: UInt64) -> [String] {
        guard let world = try? World(seed: seed, isTracing: true) else { return [] }
        do throws(Violation) { try world.run() } catch {}
        return world.trace.lines + world.counters()
    }
}
