/// Asks relay threads about their allocations, and waits for what they answer.

import Exchange
import NIOCore

/// Why a relay thread's answer is missing.
enum NoAnswer: Error, Equatable {
    /// Too many ask at the same time.
    case crowded
    /// The thread did not answer in time.
    case silent(thread: Int)
}

/// Allocations of some threads.
struct AllocationListing {
    /// An allocation, and the thread that has it.
    typealias Entry = (thread: Int, record: AllocationRecord)

    var entries: [Entry] = []
    /// Whether these are all there are.
    var isComplete = true
    /// Whether what was asked for was done.
    var isDone = false
}

/// The control thread's end of the relay threads' mailboxes; lives on the event loop.
///
/// A thread is asked one question at a time, and its answer is looked for every millisecond until it is there: nothing
/// in a relay thread waits for us, or knows of event loops.
final class AllocationDesk {
    private let loop: any EventLoop
    private let lines: [Line]
    private var isPolling = false

    /// A desk for all threads of a view.
    init(_ relay: RelayView, on loop: any EventLoop) {
        self.loop = loop
        lines = relay.threads.enumerated().map { Line(index: $0, thread: $1) }
    }

    /// The allocations of all threads, at most `limit` of each thread.
    func list(limit: Int) -> EventLoopFuture<AllocationListing> {
        let parts = lines.indices.map { index in
            ask(index, limit: limit) { .allocations(number: $0, from: $1) }
        }
        return EventLoopFuture.whenAllSucceed(parts, on: loop).map { parts in
            parts.reduce(into: AllocationListing()) {
                $0.entries += $1.entries
                $0.isComplete = $0.isComplete && $1.isComplete
            }
        }
    }

    /// Ends an allocation; false when it is not there any more.
    func end(thread: Int, place: UInt32, stamp: UInt64) -> EventLoopFuture<Bool> {
        guard lines.indices.contains(thread) else { return loop.makeSucceededFuture(false) }
        return ask(thread) { number, _ in
            .endAllocation(number: number, place: place, stamp: stamp)
        }.map(\.isDone)
    }

    private func ask(
        _ index: Int,
        limit: Int = 0,
        _ question: @escaping Line.Question
    ) -> EventLoopFuture<AllocationListing> {
        let promise = loop.makePromise(of: AllocationListing.self)
        lines[index].add(Line.Job(question: question, limit: limit, promise: promise), at: loop.now)
        poll()
        return promise.futureResult
    }

    private func poll() {
        if isPolling { return }
        isPolling = true
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.scheduleTask(in: .milliseconds(1)) {
            let desk = bound.value
            desk.isPolling = false
            for line in desk.lines { line.advance(at: desk.loop.now) }
            if desk.lines.contains(where: \.isBusy) { desk.poll() }
        }
    }
}

/// Questions to one thread, in the order they came.
private final class Line {
    /// What to ask, with the question's number and the place from which an answer goes on.
    typealias Question = (_ number: UInt32, _ from: UInt32) -> RelayQuestion

    struct Job {
        let question: Question
        /// Allocations that are enough.
        let limit: Int
        let promise: EventLoopPromise<AllocationListing>
    }

    /// Questions that may wait.
    private static let jobsMaximum = 32
    /// A thread that works answers within its longest sleep, which the question ends.
    private static let patience = TimeAmount.seconds(2)

    var isBusy: Bool { !jobs.isEmpty }
    private let index: Int
    private let thread: RelayView.Thread
    private var jobs: CircularBuffer<Job> = []
    /// What the first job has been told so far.
    private var listing = AllocationListing()
    /// The number of the question that was asked last.
    private var number: UInt32 = 0
    private var deadline = NIODeadline.distantFuture

    init(index: Int, thread: RelayView.Thread) {
        self.index = index
        self.thread = thread
    }

    func add(_ job: Job, at now: NIODeadline) {
        if jobs.count == Self.jobsMaximum { return job.promise.fail(NoAnswer.crowded) }
        jobs.append(job)
        if jobs.count == 1 { ask(from: 0, at: now) }
    }

    /// Takes what the thread has answered.
    func advance(at now: NIODeadline) {
        while let answer = thread.nextAnswer() {
            switch answer {
            case .allocation(number, let record):
                if listing.entries.count < jobs.first?.limit ?? 0 {
                    listing.entries.append((index, record))
                } else {
                    listing.isComplete = false
                }
            case .end(number, let next, let isDone): end(next, isDone, at: now)
            // The rest of an answer that came too late.
            case .allocation, .end: break
            }
        }
        if isBusy && now > deadline { finish(.failure(.silent(thread: index)), at: now) }
    }

    /// Asks the first job's question, or goes on with it.
    private func ask(from place: UInt32, at now: NIODeadline) {
        guard let job = jobs.first else { return }
        number &+= 1
        // A full inbox is that of a thread that does not read it: the deadline ends the job.
        _ = thread.ask(job.question(number, place))
        deadline = now + Self.patience
    }

    private func end(_ next: UInt32?, _ isDone: Bool, at now: NIODeadline) {
        guard let job = jobs.first else { return }
        if let next, listing.entries.count < job.limit { return ask(from: next, at: now) }
        if next != nil { listing.isComplete = false }
        listing.isDone = isDone
        finish(.success(listing), at: now)
    }

    private func finish(_ result: Result<AllocationListing, NoAnswer>, at now: NIODeadline) {
        let job = jobs.removeFirst()
        listing = AllocationListing()
        // Whoever waits may ask again at once.
        ask(from: 0, at: now)
        job.promise.completeWith(result.mapError { $0 as any Error })
    }
}
