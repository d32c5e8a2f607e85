import Testing

@testable import IOURing

@Suite struct BufferPoolTests {
    @Test func bufferGoesThroughEveryPlace() throws {
        var pool = try BufferPool(count: 3, size: 100, hugePages: false, node: nil)
        #expect(pool.freeCount == 3)
        let buffer = try require(pool.take())
        #expect(pool.place(of: buffer) == .held(references: 1))
        pool.lend(buffer)
        #expect(pool.place(of: buffer) == .kernel)
        pool.received(buffer)
        pool.retain(buffer)
        #expect(pool.place(of: buffer) == .held(references: 2))
        expect(!pool.release(buffer))
        expect(pool.release(buffer))
        #expect(pool.place(of: buffer) == .held(references: 0))
        pool.free(buffer)
        #expect(pool.place(of: buffer) == .free)
        #expect(pool.freeCount == 3)
    }

    @Test func bufferFreedLastIsTakenNext() throws {
        var pool = try BufferPool(count: 4, size: 100, hugePages: false, node: nil)
        let taken = (0..<4).compactMap { _ in pool.take() }
        #expect(taken.map(\.rawValue) == [0, 1, 2, 3])
        #expect(pool.take() == nil)
        for buffer in [taken[2], taken[0]] {
            expect(pool.release(buffer))
            pool.free(buffer)
        }
        #expect(pool.take() == taken[0])
        #expect(pool.take() == taken[2])
    }

    @Test func buffersDoNotOverlap() throws {
        var pool = try BufferPool(count: 8, size: 130, hugePages: false, node: nil)
        for index in 0..<8 as Range<UInt32> {
            let bytes = [UInt8](repeating: UInt8(index + 1), count: 130)
            pool.fill(BufferIndex(rawValue: index), bytes)
        }
        for index in 0..<8 as Range<UInt32> {
            let bytes = Array(pool.bytes(BufferIndex(rawValue: index), 0..<130))
            #expect(bytes == [UInt8](repeating: UInt8(index + 1), count: 130))
        }
    }

    @Test(arguments: [1, 64, 65, 1500, 65_648])
    func strideIsAnOddNumberOfCacheLines(size: Int) throws {
        let pool = try BufferPool(count: 2, size: size, hugePages: false, node: nil)
        let first = UInt(bitPattern: pool.address(BufferIndex(rawValue: 0)))
        let second = UInt(bitPattern: pool.address(BufferIndex(rawValue: 1)))
        #expect(first % 64 == 0)
        #expect((second - first) % 128 == 64)
        #expect(second - first >= size)
    }

    @Test func hugePagesAndNodeAreRequestsNotDemands() throws {
        var pool = try BufferPool(count: 64, size: 65_648, hugePages: true, node: 0)
        #expect(pool.pages != .ordinary)
        let buffer = try require(pool.take())
        pool.fill(buffer, [1, 2, 3])
        #expect(Array(pool.bytes(buffer, 0..<4)) == [1, 2, 3, 0])
        _ = try BufferPool(count: 1, size: 1, hugePages: false, node: 900)
    }

    @Test func sizesThatMakeNoSenseAreRefused() {
        for (count, size) in [(0, 1), (1, 0), (-1, 100), (.max, 100), (100, .max)] {
            #expect(throws: Errno.invalidArgument) {
                _ = try BufferPool(count: count, size: size, hugePages: false, node: nil)
            }
        }
    }

    #if DEBUG
        @Test func doubleReleaseTraps() async {
            await #expect(processExitsWith: .failure) {
                var pool = try BufferPool(count: 2, size: 64, hugePages: false, node: nil)
                guard let buffer = pool.take() else { return }
                _ = pool.release(buffer)
                _ = pool.release(buffer)
            }
        }

        @Test func doubleFreeTraps() async {
            await #expect(processExitsWith: .failure) {
                var pool = try BufferPool(count: 2, size: 64, hugePages: false, node: nil)
                guard let buffer = pool.take() else { return }
                pool.free(buffer)
                pool.free(buffer)
            }
        }

        @Test func lendingABufferInUseTraps() async {
            await #expect(processExitsWith: .failure) {
                var pool = try BufferPool(count: 2, size: 64, hugePages: false, node: nil)
                guard let buffer = pool.take() else { return }
                pool.retain(buffer)
                pool.lend(buffer)
            }
        }
    #endif

    @Test func bytesOutsideABufferTrap() async {
        await #expect(processExitsWith: .failure) {
            let pool = try BufferPool(count: 2, size: 64, hugePages: false, node: nil)
            _ = pool.bytes(BufferIndex(rawValue: 0), 0..<65).byteCount
        }
        await #expect(processExitsWith: .failure) {
            let pool = try BufferPool(count: 2, size: 64, hugePages: false, node: nil)
            _ = pool.bytes(BufferIndex(rawValue: 2), 0..<1).byteCount
        }
    }
}
