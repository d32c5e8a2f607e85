import Glibc
import Testing

@testable import IOURing

@Suite struct RingWaitTests {
    @Test func timeoutIsAValue() throws {
        var ring = try Ring(entries: 8, completionEntries: 16, files: 8)
        let error = ring.enter(waitFor: 1, batchWaitMicroseconds: 0, timeoutNanoseconds: 1_000_000)
        #expect(error == .timedOut)
        #expect(ring.nextCompletion() == nil)
    }

    @Test func nothingToWaitForReturnsAtOnce() throws {
        var ring = try Ring(entries: 8, completionEntries: 16, files: 8)
        #expect(ring.enter(waitFor: 0, batchWaitMicroseconds: 0, timeoutNanoseconds: nil) == nil)
    }

    /// Both ways to gather: the kernel's own, and the two waits for kernels before 6.12.
    @Test(arguments: [true, false])
    func gatheringEndsWithWhatIsThere(inKernel: Bool) throws {
        var harness = try Harness()
        guard harness.ring.gathersInKernel || !inKernel else { return }
        harness.ring.gathersInKernel = inKernel
        let address = try harness.open(file: 0)
        harness.arm(file: 0)
        let sender = try PlainSocket()
        for round in 1...3 {
            for _ in 0..<round { try sender.send([1], to: address) }
            var arrivals = 0
            while arrivals < round {
                // More than will ever come: only the end of the gathering ends this wait.
                let error = harness.ring.enter(
                    waitFor: 100,
                    batchWaitMicroseconds: 1000,
                    timeoutNanoseconds: nil
                )
                #expect(error == nil || error == .timedOut)
                var completions: [Completion] = []
                while let next = harness.ring.nextCompletion() { completions.append(next) }
                try #require(!completions.isEmpty)
                arrivals += completions.count
                for completion in completions { _ = try harness.take(completion) }
            }
            #expect(arrivals == round)
            harness.bufferRing.publish()
        }
    }

    @Test(arguments: [true, false])
    func gatheringWithoutAnythingEndsAtTheTimeout(inKernel: Bool) throws {
        var ring = try Ring(entries: 8, completionEntries: 16, files: 8)
        guard ring.gathersInKernel || !inKernel else { return }
        ring.gathersInKernel = inKernel
        let timeouts: [UInt64] = [100_000, 5_000_000]
        for timeout in timeouts {
            let error = ring.enter(
                waitFor: 10,
                batchWaitMicroseconds: 500,
                timeoutNanoseconds: timeout
            )
            #expect(error == .timedOut)
        }
    }

    @Test func ownSendsDoNotEndTheWait() throws {
        var harness = try Harness()
        let address = try harness.open(file: 0)
        harness.arm(file: 0)
        // A send to a socket of this ring: one completion for the send, then one for the receive.
        try harness.append([1], from: 0, to: address)
        harness.prepareSends()
        let completions = harness.pass()
        #expect(completions.map(\.token.kind) == [Harness.sendKind, Harness.receiveKind])
    }

    /// A connection with more to send, or another that waits for its room, stood still until something else happened.
    @Test func anAwaitedSendOnAStreamEndsTheWait() throws {
        var harness = try Harness()
        var descriptors: [Int32] = [0, 0]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &descriptors) == 0)
        defer { for descriptor in descriptors { close(descriptor) } }
        try harness.ring.register(file: descriptors[0], at: 0)
        let buffer = try require(harness.pool.take())
        let isPrepared = harness.ring.prepareStreamSend(
            0..<100,
            of: buffer,
            in: &harness.pool,
            file: 0,
            token: Token(kind: Harness.sendKind, index: 0),
            isAwaited: true
        )
        try #require(isPrepared)
        let began = ContinuousClock.now
        _ = harness.ring.enter(
            waitFor: 1,
            batchWaitMicroseconds: 0,
            timeoutNanoseconds: 60_000_000_000
        )
        #expect(ContinuousClock.now - began < .seconds(50))
        #expect(harness.ring.nextCompletion()?.result == 100)
    }

    @Test func completionsLeftBehindEndTheWait() throws {
        var harness = try Harness()
        let address = try harness.open(file: 0)
        harness.arm(file: 0)
        let sender = try PlainSocket()
        try sender.send([1], to: address)
        try sender.send([2], to: address)
        #expect(harness.receiveOne()?.result == 113)
        let error = harness.ring.enter(
            waitFor: 100,
            batchWaitMicroseconds: 0,
            timeoutNanoseconds: nil
        )
        #expect(error == nil)
        #expect(harness.ring.nextCompletion()?.result == 113)
    }

    @Test func signalOfAnotherThreadEndsTheWait() throws {
        var ring = try Ring(entries: 8, completionEntries: 16, files: 8)
        let event = try WakeEvent()
        for round in 0..<3 as Range<UInt32> {
            expect(ring.armWake(event, token: Token(kind: 4, index: round)))
            let thread = try Thread { event.signal() }
            let error = ring.enter(
                waitFor: 1,
                batchWaitMicroseconds: 0,
                timeoutNanoseconds: 30_000_000_000
            )
            #expect(error == nil)
            #expect(ring.nextCompletion()?.token == Token(kind: 4, index: round))
            thread.join()
        }
    }

    @Test func signalsBeforeArmingCountAsOne() throws {
        var ring = try Ring(entries: 8, completionEntries: 16, files: 8)
        let event = try WakeEvent()
        event.signal()
        event.signal()
        expect(ring.armWake(event, token: Token(kind: 4, index: 0)))
        _ = ring.enter(waitFor: 1, batchWaitMicroseconds: 0, timeoutNanoseconds: 30_000_000_000)
        #expect(ring.nextCompletion()?.result == 8)
        expect(ring.armWake(event, token: Token(kind: 4, index: 1)))
        let error = ring.enter(waitFor: 1, batchWaitMicroseconds: 0, timeoutNanoseconds: 1_000_000)
        #expect(error == .timedOut)
    }
}

extension Harness {
    /// Waits for at least two completions and takes one of them.
    mutating func receiveOne() -> Completion? {
        _ = ring.enter(
            waitFor: 2,
            batchWaitMicroseconds: 30_000_000,
            timeoutNanoseconds: 30_000_000_000
        )
        return ring.nextCompletion()
    }
}

/// A thread of the test's own.
struct Thread: ~Copyable {
    private let thread: pthread_t

    init(_ body: @escaping @Sendable () -> Void) throws {
        final class Box: Sendable {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        var thread = pthread_t()
        let box = Unmanaged.passRetained(Box(body)).toOpaque()
        let result = pthread_create(
            &thread,
            nil,
            { box in
                guard let box else { return nil }
                Unmanaged<Box>.fromOpaque(box).takeRetainedValue().body()
                return nil
            },
            box
        )
        try #require(result == 0)
        self.thread = thread
    }

    consuming func join() {
        pthread_join(thread, nil)
    }
}
