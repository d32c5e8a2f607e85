/// Many seeds on all processors.
public struct SeedRange: Sendable {
    /// What the seeds saw, and which of them broke an invariant.
    public struct Report: Sendable {
        /// The sum over all seeds that broke nothing.
        public internal(set) var summary = Simulation.Summary()
        /// The seeds that broke something; each lane stops after a few.
        public internal(set) var failures: [Simulation.Failure] = []

        mutating func add(_ other: Report) {
            summary.add(other.summary)
            failures += other.failures
        }
    }

    private static let failuresPerLane = 4

    private let start: UInt64
    private let count: UInt64
    private let lanes: UInt64

    /// The seeds `start ..< start + count`, run on `lanes` threads.
    public init(start: UInt64, count: UInt64, lanes: UInt64 = 2) {
        self.start = start
        self.count = count
        self.lanes = max(lanes, 1)
    }

    /// Runs all seeds, each on its own.
    public func run() async -> Report {
        await withTaskGroup(of: Report.self) { group in
            for lane in 0..<lanes { group.addTask { self.run(lane: lane) } }
            var total = Report()
            for await report in group { total.add(report) }
            total.failures.sort { $0.seed < $1.seed }
            return total
        }
    }

    private func run(lane: UInt64) -> Report {
        var report = Report()
        for seed in stride(from: start + lane, to: start + count, by: UInt64.Stride(lanes)) {
            do throws(Simulation.Failure) {
                report.summary.add(try Simulation.run(seed: seed))
            } catch {
                report.failures.append(error)
                if report.failures.count == Self.failuresPerLane { break }
            }
        }
        return report
    }
}
