/// Which CPUs relay threads run on.

import IOURing
import Tunables

/// The CPUs of this process, and those of its relay threads.
struct Processors {
    /// The CPU of each relay thread.
    let ofThreads: [Int]
    /// The CPUs that the process may use, in order.
    let allowed: [Int]
    /// How many CPUs the process may use.
    var usable: Int { allowed.count }
    /// What the operator should know.
    let warnings: [String]

    /// Chooses a CPU for each thread.
    ///
    /// - Parameters:
    ///   - threads: What the tree says.
    ///   - allowed: The CPUs that the process may use, in order.
    /// - Throws: Which CPU of the tree is not there.
    init(_ threads: Settings.Threads, allowed: [Int] = Processors.allowed()) throws(StartProblem) {
        if let stranger = threads.cpus.first(where: { !allowed.contains($0) }) {
            throw StartProblem("threads/cpus: CPU \(stranger) is not there or not for this process")
        }
        let isNamed = !threads.cpus.isEmpty
        let standard = isNamed ? threads.cpus.count : max(allowed.count - 1, 1)
        let count = threads.count == 0 ? standard : threads.count
        // Without a list the last CPUs are taken: interrupts and other programs tend to use the first.
        let pool = isNamed ? threads.cpus : Array(allowed.suffix(count))
        ofThreads = (0..<count).map { pool[$0 % pool.count] }
        self.allowed = allowed
        let isCrowded = count > pool.count
        warnings = isCrowded ? ["\(count) relay threads share \(pool.count) CPUs"] : []
    }

    /// The CPUs that the process may use; CPU 0 if the kernel does not say.
    static func allowed() -> [Int] {
        (try? CurrentThread.allowedCPUs()) ?? [0]
    }
}
