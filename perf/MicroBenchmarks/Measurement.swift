/// How a step is timed: samples of some milliseconds, their least and their median.
///
/// Time is the thread's own CPU time, so that other work on the machine shows less.

import Glibc

/// One step, done many times.
protocol Benchmark: ~Copyable {
    /// What the table calls it.
    var name: String { get }

    /// Does the step `operations` times; the result depends on each of them, so that none is optimised away.
    mutating func run(_ operations: Int) -> UInt64
}

/// The table, written line by line as the steps are measured.
struct Report {
    private let isSmoke: Bool
    private var checksum: UInt64 = 0

    init(isSmoke: Bool) {
        self.isSmoke = isSmoke
    }

    func begin() {
        print(row("operation", "least ns", "median ns", "operations"))
    }

    /// The checksum is of no use but to be used.
    func end() {
        print("checksum \(String(checksum, radix: 16))")
    }

    /// Measures `benchmark` and writes its line.
    mutating func measure(_ benchmark: inout some Benchmark & ~Copyable) {
        let operations = isSmoke ? 256 : calibrate(&benchmark)
        let samples = (0..<(isSmoke ? 1 : 15)).map { _ in sample(&benchmark, operations) }.sorted()
        let least = samples[0]
        let median = samples[samples.count / 2]
        let total = operations * samples.count
        print(row(benchmark.name, digits(least), digits(median), String(total)))
    }

    /// How many operations take about ten milliseconds.
    private mutating func calibrate(_ benchmark: inout some Benchmark & ~Copyable) -> Int {
        var operations = 256
        while sample(&benchmark, operations) * Double(operations) < 10_000_000 { operations *= 2 }
        return operations
    }

    /// Nanoseconds for each of `operations`.
    private mutating func sample(
        _ benchmark: inout some Benchmark & ~Copyable,
        _ operations: Int
    ) -> Double {
        let start = threadNanoseconds()
        checksum ^= benchmark.run(operations)
        return Double(threadNanoseconds() - start) / Double(operations)
    }

    /// CPU time of this thread so far.
    private func threadNanoseconds() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }

    private func digits(_ nanoseconds: Double) -> String {
        let tenths = Int((nanoseconds * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }

    private func row(_ name: String, _ least: String, _ median: String, _ count: String) -> String {
        let columns = [(least, 12), (median, 12), (count, 14)].map { text, width in
            String(repeating: " ", count: max(1, width - text.count)) + text
        }
        return name + String(repeating: " ", count: max(0, 52 - name.count)) + columns.joined()
    }
}

/// A value that a benchmark cannot do without is missing.
struct MissingValue: Error {
    let name: String
}
