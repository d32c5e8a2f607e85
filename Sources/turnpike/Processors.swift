/// Which CPUs relay threads run on.

import FoundationEssentials
import Tunables

/// The CPUs of this process, and those of its relay threads.
struct Processors {
    /// The CPU of each relay thread.
    let ofThreads: [Int]
    /// How many CPUs the process may use.
    let usable: Int
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
        usable = allowed.count
        let isCrowded = count > pool.count
        warnings = isCrowded ? ["\(count) relay threads share \(pool.count) CPUs"] : []
    }

    /// The CPUs that the process may use, as the kernel lists them; CPU 0 if it does not say.
    static func allowed() -> [Int] {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let field = "Cpus_allowed_list:"
        let line = status.split(separator: "\n").first { $0.hasPrefix(field) }
        let cpus = line.map { list(String($0.dropFirst(field.count))) } ?? []
        return cpus.isEmpty ? [0] : cpus
    }

    /// The numbers of a kernel's CPU list, such as `0-3,8`.
    static func list(_ text: String) -> [Int] {
        text.filter { !$0.isWhitespace }.split(separator: ",").flatMap { part -> [Int] in
            let ends = part.split(separator: "-").compactMap { Int($0) }
            guard let first = ends.first, let last = ends.last, first <= last else { return [] }
            return Array(first...last)
        }
    }
}
