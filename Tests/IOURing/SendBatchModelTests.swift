import Glibc
import Testing

@testable import IOURing

/// Random passes against the simplest model there is: each flow is a list of datagrams.
@Suite struct SendBatchModelTests {
    struct Flow: Hashable {
        let socket: UInt32
        let port: UInt16
    }

    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func everyFlowKeepsItsDatagramsInOrder(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var harness = try BatchHarness(buffers: 600, slots: 48)
        var expected: [Flow: [[UInt8]]] = [:]
        var sent: [Flow: [[UInt8]]] = [:]
        for _ in 0..<30 {
            let count = Int.random(in: 0...200, using: &random)
            for _ in 0..<count {
                let flow = Self.flow(&random)
                let bytes = Self.bytes(&random)
                guard try harness.append(bytes, socket: flow.socket, port: flow.port) else {
                    continue
                }
                expected[flow, default: []].append(bytes)
            }
            harness.batch.seal()
            for slot in harness.pending() {
                let image = harness.batch.wireImage(of: slot)
                Self.checkRules(image)
                let flow = Flow(socket: image.socket, port: image.destination.port)
                sent[flow, default: []] += image.datagrams
                let bytes = image.datagrams.reduce(0) { $0 + $1.count }
                let outcome = harness.complete(slot, result: Int32(bytes))
                #expect(outcome == .sent(datagrams: image.datagrams.count, bytes: bytes))
            }
        }
        #expect(sent == expected, "seed \(seed)")
        #expect(harness.pool.freeCount == 600, "seed \(seed)")
        #expect(harness.batch.freeSlots == 48, "seed \(seed)")
    }

    /// Sends end late and in any order, some refused, some failed: nothing is lost or sent twice.
    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func everyDatagramEndsExactlyOnce(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var harness = try BatchHarness(buffers: 2000, slots: 64)
        var appended = 0
        var ended = 0
        var underWay: [SlotIndex] = []
        for pass in 0..<60 {
            for _ in 0..<Int.random(in: 0...60, using: &random) where pass < 50 {
                let flow = Self.flow(&random)
                let bytes = Self.bytes(&random)
                if try harness.append(bytes, socket: flow.socket, port: flow.port) { appended += 1 }
            }
            harness.batch.seal()
            underWay += harness.pending()
            let results: [Int32] = [0, 0, 0, -EIO, -EINVAL, -EAGAIN]
            let share = pass < 50 ? 2 * underWay.count / 3 : underWay.count
            for _ in 0..<share {
                let slot = underWay.remove(at: Int.random(in: 0..<underWay.count, using: &random))
                let result = results.randomElement(using: &random) ?? 0
                switch harness.complete(slot, result: result) {
                case .sent(let datagrams, _), .dropped(let datagrams, _): ended += datagrams
                case .refusedSegmentation: harness.batch.split(slot)
                }
            }
        }
        #expect(underWay.isEmpty, "seed \(seed)")
        #expect(ended == appended, "seed \(seed)")
        #expect(harness.pool.freeCount == 2000, "seed \(seed)")
        #expect(harness.batch.freeSlots == 64, "seed \(seed)")
    }

    private static func flow(_ random: inout SeededGenerator) -> Flow {
        Flow(
            socket: UInt32.random(in: 0..<4, using: &random),
            port: UInt16.random(in: 1...10, using: &random)
        )
    }

    /// Few sizes, so that groups form; content that tells datagrams apart.
    private static func bytes(_ random: inout SeededGenerator) -> [UInt8] {
        let count = [0, 8, 8, 8, 8, 8, 12, 12, 900, 900].randomElement(using: &random) ?? 8
        let content = random.next()
        return (0..<count).map { UInt8(truncatingIfNeeded: content >> UInt64($0 % 8 * 8)) }
    }

    /// What the kernel asks of a segmented send.
    private static func checkRules(_ image: WireImage) {
        let sizes = image.datagrams.map(\.count)
        #expect(sizes.count <= 64)
        #expect(sizes.count == 1 || sizes.reduce(0, +) <= 65_000)
        #expect(sizes.dropLast().allSatisfy { $0 == sizes[0] })
        #expect(sizes.count == 1 || (1...sizes[0]).contains(sizes[sizes.count - 1]))
    }
}
