import Glibc
import Testing

@testable import IOURing

/// A batch and a pool without a kernel: sends are completed by the test.
struct BatchHarness: ~Copyable {
    var pool: BufferPool
    var batch: SendBatch

    init(buffers: Int = 256, size: Int = 2048, slots: Int = 64, segmentation: Bool = true) throws {
        let pool = try BufferPool(count: buffers, size: size, hugePages: false, node: nil)
        batch = try SendBatch(slots: slots, segmentation: segmentation)
        self.pool = pool
    }

    /// Appends a datagram in a buffer of its own; false when there was no slot.
    mutating func append(
        _ bytes: [UInt8],
        socket: UInt32 = 0,
        port: UInt16 = 1,
        marks: PacketMarks = PacketMarks(),
        family: SocketAddress.Family = .ipv4
    ) throws -> Bool {
        let buffer = try require(pool.take())
        pool.fill(buffer, bytes)
        let datagram = OutgoingDatagram(
            socket: socket,
            destination: .loopback(family, port: port),
            buffer: buffer,
            payloadOffset: 0,
            payloadCount: bytes.count,
            marks: marks
        )
        defer { if pool.release(buffer) { pool.free(buffer) } }
        return batch.append(datagram, pool: &pool)
    }

    mutating func append(sizes: [Int], port: UInt16 = 1) throws {
        for size in sizes { #expect(try append([UInt8](repeating: 1, count: size), port: port)) }
    }

    mutating func pending() -> [SlotIndex] {
        var slots: [SlotIndex] = []
        while let slot = batch.nextPending() { slots.append(slot) }
        return slots
    }

    /// Seals and returns the sizes of the datagrams of each send.
    mutating func sealedSizes() -> [[Int]] {
        batch.seal()
        let slots = pending()
        let sizes = slots.map { batch.wireImage(of: $0).datagrams.map(\.count) }
        for slot in slots { _ = complete(slot, result: 0) }
        return sizes
    }

    mutating func complete(_ slot: SlotIndex, result: Int32) -> SendOutcome {
        let outcome = batch.complete(slot, result: result, pool: &pool)
        while let buffer = batch.takeReleased() { pool.free(buffer) }
        return outcome
    }
}

@Suite struct SendBatchTests {
    @Test func datagramsOfOneSizeLeaveTogether() throws {
        var harness = try BatchHarness()
        try harness.append(sizes: [100, 100, 100])
        #expect(harness.sealedSizes() == [[100, 100, 100]])
    }

    @Test func shorterDatagramEndsTheGroup() throws {
        var harness = try BatchHarness()
        try harness.append(sizes: [100, 100, 60, 60, 100])
        #expect(harness.sealedSizes() == [[100, 100, 60], [60], [100]])
    }

    @Test func longerDatagramStartsAGroup() throws {
        var harness = try BatchHarness()
        try harness.append(sizes: [100, 101, 101])
        #expect(harness.sealedSizes() == [[100], [101, 101]])
    }

    @Test func emptyDatagramsLeaveAlone() throws {
        var harness = try BatchHarness()
        try harness.append(sizes: [0, 0, 100, 0, 100])
        #expect(harness.sealedSizes() == [[0], [0], [100], [0], [100]])
    }

    @Test func groupHoldsAtMost64Datagrams() throws {
        var harness = try BatchHarness()
        try harness.append(sizes: [Int](repeating: 10, count: 130))
        #expect(harness.sealedSizes().map(\.count) == [64, 64, 2])
    }

    @Test func groupHoldsAtMost65000Bytes() throws {
        var harness = try BatchHarness()
        try harness.append(sizes: [Int](repeating: 1500, count: 64))
        #expect(harness.sealedSizes().map(\.count) == [43, 21])
    }

    @Test func datagramLargerThanAGroupLeavesAlone() throws {
        var harness = try BatchHarness(buffers: 4, size: 65_600)
        try harness.append(sizes: [65_100, 65_100])
        #expect(harness.sealedSizes() == [[65_100], [65_100]])
    }

    @Test func groupsLeaveInTheOrderOfTheirFirstDatagram() throws {
        var harness = try BatchHarness()
        for _ in 0..<3 {
            for port in [7, 5, 9] as [UInt16] {
                try expect(harness.append([UInt8(port)], port: port))
            }
        }
        harness.batch.seal()
        let images = harness.pending().map { harness.batch.wireImage(of: $0) }
        #expect(images.map(\.destination.port) == [7, 5, 9])
        #expect(images.map(\.datagrams) == [7, 5, 9].map { [[$0], [$0], [$0]] })
    }

    @Test func socketsOfOneDestinationDoNotShareAGroup() throws {
        var harness = try BatchHarness()
        for socket in [1, 2, 1] as [UInt32] { try expect(harness.append([1], socket: socket)) }
        harness.batch.seal()
        let images = harness.pending().map { harness.batch.wireImage(of: $0) }
        #expect(images.map(\.socket) == [1, 2])
        #expect(images.map(\.datagrams.count) == [2, 1])
    }

    @Test func groupDoesNotReachIntoTheNextPass() throws {
        var harness = try BatchHarness()
        try harness.append(sizes: [10])
        harness.batch.seal()
        try harness.append(sizes: [10])
        #expect(harness.sealedSizes() == [[10], [10]])
    }

    @Test func withoutSegmentationEveryDatagramLeavesAlone() throws {
        var harness = try BatchHarness(segmentation: false)
        try harness.append(sizes: [10, 10, 10])
        #expect(harness.sealedSizes() == [[10], [10], [10]])
    }

    @Test func missingSlotRetainsNothing() throws {
        var harness = try BatchHarness(buffers: 8, slots: 2)
        try expect(harness.append([1], port: 1))
        try expect(harness.append([1], port: 2))
        #expect(harness.batch.freeSlots == 0)
        try expect(!harness.append([1], port: 3))
        try expect(harness.append([1], port: 2))
        #expect(harness.pool.freeCount == 5)
        #expect(harness.sealedSizes() == [[1], [1, 1]])
        #expect(harness.pool.freeCount == 8)
        #expect(harness.batch.freeSlots == 2)
    }

    @Test func bufferIsRetainedOnceForEachSlot() throws {
        var harness = try BatchHarness()
        let buffer = try require(harness.pool.take())
        for (port, offset) in [(1, 0), (1, 100), (2, 0), (1, 200)] {
            let datagram = OutgoingDatagram(
                socket: 0,
                destination: .loopback(.ipv4, port: UInt16(port)),
                buffer: buffer,
                payloadOffset: offset,
                payloadCount: 100
            )
            expect(harness.batch.append(datagram, pool: &harness.pool))
        }
        #expect(harness.pool.place(of: buffer) == .held(references: 3))
        expect(!harness.pool.release(buffer))
        #expect(harness.sealedSizes() == [[100, 100, 100], [100]])
        #expect(harness.pool.place(of: buffer) == .free)
    }

    @Test(arguments: [EAGAIN, ENOBUFS, EPERM, ENETUNREACH])
    func failedSendIsDroppedAndGivesItsBuffersBack(error: Int32) throws {
        var harness = try BatchHarness()
        try harness.append(sizes: [10, 10])
        harness.batch.seal()
        let slot = try require(harness.batch.nextPending())
        let dropped = SendOutcome.dropped(datagrams: 2, error: Errno(rawValue: error))
        #expect(harness.complete(slot, result: -error) == dropped)
        #expect(harness.pool.freeCount == 256)
        #expect(harness.batch.freeSlots == 64)
    }

    @Test(arguments: [EIO, EINVAL])
    func refusedSegmentationIsSplitAheadOfTheNextPass(error: Int32) throws {
        var harness = try BatchHarness()
        for byte in 1...3 as ClosedRange<UInt8> { try expect(harness.append([byte, byte])) }
        harness.batch.seal()
        let slot = try require(harness.batch.nextPending())
        try expect(harness.append([9, 9]))
        #expect(harness.complete(slot, result: -error) == .refusedSegmentation)
        harness.batch.split(slot)
        harness.batch.seal()
        let parts = harness.pending()
        let images = parts.map { harness.batch.wireImage(of: $0) }
        #expect(images.map(\.datagrams) == [[[1, 1]], [[2, 2]], [[3, 3]], [[9, 9]]])
        #expect(harness.complete(parts[0], result: 2) == .sent(datagrams: 1, bytes: 2))
        // A single datagram that is refused again is dropped, not split for ever.
        let dropped = SendOutcome.dropped(datagrams: 1, error: Errno(rawValue: error))
        #expect(harness.complete(parts[1], result: -error) == dropped)
        #expect(harness.batch.freeSlots == 62)
        #expect(harness.complete(parts[2], result: 2) == .sent(datagrams: 1, bytes: 2))
        #expect(harness.complete(parts[3], result: 2) == .sent(datagrams: 1, bytes: 2))
        #expect(harness.batch.freeSlots == 64)
        #expect(harness.pool.freeCount == 256)
    }

    @Test func impossibleSlotCountsAreRefused() {
        for slots in [0, -1, 65_537, .max] {
            #expect(throws: Errno.invalidArgument) {
                _ = try SendBatch(slots: slots, segmentation: true)
            }
        }
    }
}
