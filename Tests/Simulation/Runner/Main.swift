/// `Simulation --seeds N [--start S]`: runs seeds by hand and prints what they saw or what broke.

import Glibc
import SimulatedWorld

@main
enum SimulationMain {
    static func main() async {
        let arguments = Array(CommandLine.arguments.dropFirst())
        guard let count = number("--seeds", in: arguments) ?? (arguments.isEmpty ? 200 : nil) else {
            print("usage: Simulation [--seeds N] [--start S] [--lanes L]")
            exit(2)
        }
        let start = number("--start", in: arguments) ?? 1
        let lanes = number("--lanes", in: arguments) ?? 2
        let report = await SeedRange(start: start, count: count, lanes: lanes).run()
        for failure in report.failures.dropLast() {
            print("seed \(failure.seed): \(failure.reason)")
        }
        if let failure = report.failures.last {
            print("\(failure)")
            exit(1)
        }
        print("\(count) seeds from \(start): no invariant broken")
        print(
            "datagrams at the server: \(report.summary.inputs), relayed: \(report.summary.forwards)"
        )
        print("moves: \(report.summary.moves), to another thread: \(report.summary.handovers)")
        print("ICMP errors told: \(report.summary.errorsTold)")
        print("successes by method: \(text(report.summary.successes))")
        print("errors by code: \(text(report.summary.errors))")
    }

    private static func number(_ name: String, in arguments: [String]) -> UInt64? {
        guard let place = arguments.firstIndex(of: name), place + 1 < arguments.count else {
            return nil
        }
        return UInt64(arguments[place + 1])
    }

    private static func text<Key: Comparable & BinaryInteger>(_ counts: [Key: Int]) -> String {
        counts.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
    }
}
