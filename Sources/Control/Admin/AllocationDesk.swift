/// Asks relay threads about their allocations, and waits for what they answer.

import Exchange
import NIOCore
import NIOHTTP1

/// What some threads answered.
struct AllocationListing {
    /// Allocations by thread.
    var records: [[AllocationRecord]]
    /// Whether these are all there are.
    var isComplete = true
    /// Whether what was asked for was done.
    var isDone = false
}

/// The control thread's end of the relay threads' mailboxes; lives on the event loop.
///
/// One question is asked at a time, and its answers are looked for every millisecond until they are there: nothing in a
/// relay thread waits for us, or knows of event loops.
final class AllocationDesk {
    /// What to ask, with the question's number and the place from which an answer goes on.
    private typealias Question = (_ number: UInt32, _ from: UInt32) -> RelayQuestion

    private struct Job {
        let threads: Range<Int>
        /// Allocations of a thread that are enough.
        let limit: Int
        let question: Question
        let promise: EventLoopPromise<AllocationListing>
    }

    /// Questions that may wait.
    private static let jobsMaximum = 32
    /// A thread that works answers within its longest sleep, which the question ends.
    private static let patience = TimeAmount.seconds(2)

    private let loop: any EventLoop
    private let threads: [RelayView.Thread]
    private var jobs: CircularBuffer<Job> = []
    /// What the first job has been told so far.
    private var listing = AllocationListing(records: [])
    /// The numbers of the questions that threads have not answered to the end.
    private var open: [Int: UInt32] = [:]
    private var lastNumber: UInt32 = 0
    private var deadline = NIODeadline.distantFuture
    private var isPolling = false

    /// A desk for all threads of a view.
    init(_ relay: RelayView, on loop: any EventLoop) {
        self.loop = loop
        threads = relay.threads
    }

    /// The allocations of all threads, at most `limit` of each thread; fails with the response that says why.
    func list(limit: Int) -> EventLoopFuture<AllocationListing> {
        ask(threads.indices, limit: limit) { .allocations(number: $0, from: $1) }
    }

    /// Ends an allocation; false when it is not there any more.
    func end(_ id: AllocationID) -> EventLoopFuture<Bool> {
        guard threads.indices.contains(id.thread) else { return loop.makeSucceededFuture(false) }
        let answer = ask(id.thread..<id.thread + 1, limit: 0) { number, _ in
            .endAllocation(number: number, place: id.place, stamp: id.stamp)
        }
        return answer.map(\.isDone)
    }

    private func ask(
        _ threads: Range<Int>,
        limit: Int,
        _ question: @escaping Question
    ) -> EventLoopFuture<AllocationListing> {
        let promise = loop.makePromise(of: AllocationListing.self)
        if jobs.count == Self.jobsMaximum {
            promise.fail(Response.problem(.serviceUnavailable, "too many ask; try again"))
        } else {
            jobs.append(Job(threads: threads, limit: limit, question: question, promise: promise))
            if jobs.count == 1 { begin() }
        }
        return promise.futureResult
    }

    /// Asks the first job's question.
    private func begin() {
        guard let job = jobs.first else { return }
        listing = AllocationListing(records: threads.map { _ in [] })
        open = [:]
        for thread in job.threads { ask(thread, job.question, from: 0) }
        poll()
    }

    private func ask(_ thread: Int, _ question: Question, from place: UInt32) {
        lastNumber &+= 1
        open[thread] = lastNumber
        // A full inbox is that of a thread that does not read it: the deadline ends the job.
        _ = threads[thread].ask(question(lastNumber, place))
        deadline = loop.now + Self.patience
    }

    private func poll() {
        if isPolling { return }
        isPolling = true
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.scheduleTask(in: .milliseconds(1)) {
            bound.value.isPolling = false
            bound.value.look()
        }
    }

    /// Takes what the threads have answered.
    private func look() {
        guard let job = jobs.first else { return }
        for (index, thread) in threads.enumerated() {
            while let answer = thread.nextAnswer() { take(answer, of: index, for: job) }
        }
        let silent = open.keys.min()
        if silent != nil && loop.now <= deadline { return poll() }
        jobs.removeFirst()
        let listing = listing
        // Whoever waits may ask again at once.
        begin()
        guard let silent else { return job.promise.succeed(listing) }
        let reason = "relay thread \(silent) does not answer"
        job.promise.fail(Response.problem(.gatewayTimeout, reason))
    }

    private func take(_ answer: RelayAnswer, of thread: Int, for job: Job) {
        switch answer {
        case .allocation(let number, let record) where number == open[thread]:
            listing.records[thread].append(record)
        case .end(let number, let next, let isDone) where number == open[thread]:
            let excess = listing.records[thread].count - job.limit
            if let next, excess < 0 { return ask(thread, job.question, from: next) }
            open[thread] = nil
            listing.records[thread].removeLast(max(0, excess))
            listing.isComplete = listing.isComplete && next == nil && excess <= 0
            listing.isDone = isDone
        // The rest of an answer that came too late.
        case .allocation, .end: break
        }
    }
}
