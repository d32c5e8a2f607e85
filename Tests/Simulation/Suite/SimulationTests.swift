/// A number of seeded worlds in each test run; `SIMULATION_SEEDS` and `SIMULATION_START` choose others.

import Foundation
import SimulatedWorld
import Testing

@Suite("Simulation")
struct SimulationTests {
    @Test("No seed breaks an invariant, and together they reach every request and both directions")
    func seeds() async {
        let environment = ProcessInfo.processInfo.environment
        let count = environment["SIMULATION_SEEDS"].flatMap(UInt64.init) ?? 200
        let start = environment["SIMULATION_START"].flatMap(UInt64.init) ?? 1
        let report = await SeedRange(start: start, count: count).run()
        for failure in report.failures { Issue.record("\(failure)") }
        let summary = report.summary
        guard count >= 200 else { return }
        for method: UInt16 in [0x001, 0x003, 0x004, 0x008, 0x009] {
            #expect(summary.successes[method, default: 0] > 100, "method \(method)")
        }
        for code in [300, 400, 401, 403, 405, 420, 437, 438, 440, 441, 442, 443, 486, 508] {
            #expect(summary.errors[code, default: 0] > 0, "error \(code)")
        }
        #expect(summary.forwards > 5000)
        #expect(summary.deliveries > 1000)
        #expect(summary.errorsTold > 100)
        #expect(summary.moves > 100)
        #expect(summary.handovers > 20)
    }

    @Test("A seed is a complete description: two runs of it see the same")
    func isDeterministic() throws {
        let first = try Simulation.run(seed: 42)
        let second = try Simulation.run(seed: 42)
        #expect(first.inputs == second.inputs)
        #expect(first.forwards == second.forwards)
        #expect(first.errors == second.errors)
        #expect(first.moves == second.moves)
    }
}
