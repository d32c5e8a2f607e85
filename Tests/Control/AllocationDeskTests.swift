/// Questions to relay threads and their answers, with threads that are played by the test.

import Exchange
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import Control

/// A relay thread's end of the mailboxes, with allocations of its own.
private final class PlayedThread: @unchecked Sendable {
    let questions = Mailbox<RelayQuestion>(capacity: 4)
    let answers = Mailbox<RelayAnswer>(capacity: 64)
    var records: [AllocationRecord] = []
    /// Records of one answer.
    var piece = 3
    var isSilent = false

    var view: RelayView.Thread {
        RelayView.Thread(
            cpu: nil,
            counters: CounterBlock(),
            cpuNanoseconds: { nil },
            ask: { self.questions.send($0) },
            nextAnswer: { self.answers.receive() }
        )
    }

    /// Answers what was asked; returns how many questions that were.
    func work() -> Int {
        if isSilent { return 0 }
        var count = 0
        while let question = questions.receive() {
            count += 1
            switch question {
            case .allocations(let number, let from): list(number, from)
            case .endAllocation(let number, let place, let stamp):
                let count = records.count
                records.removeAll { $0.place == place && $0.stamp == stamp }
                _ = answers.send(.end(number: number, next: nil, done: records.count < count))
            }
        }
        return count
    }

    private func list(_ number: UInt32, _ from: UInt32) {
        let rest = records.filter { $0.place >= from }
        for record in rest.prefix(piece) {
            _ = answers.send(.allocation(number: number, record))
        }
        let next = rest.count > piece ? rest[piece].place : nil
        _ = answers.send(.end(number: number, next: next, done: true))
    }
}

private func record(_ place: UInt32, user: String = "") -> AllocationRecord {
    var bytes = InlineArray<64, UInt8>(repeating: 0)
    for (index, byte) in user.utf8.prefix(64).enumerated() { bytes[index] = byte }
    return AllocationRecord(
        place: place,
        stamp: UInt64(place) << 8,
        client: RecordedAddress(version: 4, high: 0, low: 0xC633_6407, port: 5000),
        relayVersion: 4,
        relayPort: UInt16(50_000 + place),
        secondsLeft: 600,
        permissions: 1,
        channels: 2,
        user: bytes
    )
}

@Suite struct AllocationDeskTests {
    private let loop = EmbeddedEventLoop()
    private let first = PlayedThread(), second = PlayedThread()

    private func desk() -> AllocationDesk {
        AllocationDesk(RelayView(threads: [first.view, second.view]), on: loop)
    }

    /// Lets time and the threads go on.
    private func run(milliseconds: Int) {
        for _ in 0..<milliseconds {
            _ = first.work() + second.work()
            loop.advanceTime(by: .milliseconds(1))
        }
    }

    private func value<Value>(_ future: EventLoopFuture<Value>) -> Result<Value, any Error>? {
        var result: Result<Value, any Error>?
        future.assumeIsolated().whenComplete { result = $0 }
        return result
    }

    /// The status and the reason of a refusal.
    private func refusal<Value>(_ future: EventLoopFuture<Value>) -> String? {
        guard case .failure(let error)? = value(future), let response = error as? Response else {
            return nil
        }
        let problem = try? response.decoded(Problem.self)
        return "\(response.status.code) \(problem?.detail ?? "")"
    }

    @Test func aListingHasAllThreadsPieceByPiece() throws {
        first.records = (0..<10).map { record($0) }
        second.records = [record(4)]
        let listing = desk().list(limit: 100)
        #expect(value(listing) == nil)
        run(milliseconds: 10)
        let found = try #require(try value(listing)?.get())
        #expect(found.records.map(\.count) == [10, 1])
        #expect(found.records.joined().map(\.place) == Array(0..<10) + [4])
        #expect(found.isComplete)
    }

    @Test(arguments: [1, 3, 4, 9]) func aListingThatIsCutSaysSo(_ limit: Int) throws {
        first.records = (0..<10).map { record($0) }
        let listing = desk().list(limit: limit)
        run(milliseconds: 10)
        let found = try #require(try value(listing)?.get())
        #expect(found.records[0].count == limit)
        #expect(!found.isComplete)
    }

    @Test func anAllocationIsEndedByItsStamp() throws {
        second.records = [record(1), record(2)]
        let desk = desk()
        let wrong = desk.end(AllocationID(thread: 1, place: 2, stamp: 3))
        let right = desk.end(AllocationID(thread: 1, place: 2, stamp: 2 << 8))
        let nowhere = desk.end(AllocationID(thread: 2, place: 2, stamp: 2 << 8))
        run(milliseconds: 5)
        #expect(try value(wrong)?.get() == false)
        #expect(try value(right)?.get() == true)
        #expect(try value(nowhere)?.get() == false)
        #expect(second.records.map(\.place) == [1])
    }

    @Test func aSilentThreadIsNamedAndLateAnswersConfuseNobody() throws {
        first.records = [record(1)]
        second.records = [record(2)]
        second.isSilent = true
        let desk = desk()
        let lost = desk.list(limit: 10)
        run(milliseconds: 1900)
        #expect(value(lost) == nil)
        run(milliseconds: 200)
        #expect(refusal(lost) == "504 relay thread 1 does not answer")
        second.isSilent = false
        // The thread answers the old question first.
        let listing = desk.list(limit: 10)
        run(milliseconds: 5)
        #expect(try value(listing)?.get().records.joined().map(\.place) == [1, 2])
    }

    @Test func tooManyQuestionsAreRefusedAtOnce() throws {
        first.isSilent = true
        let desk = desk()
        let id = AllocationID(thread: 0, place: 0, stamp: 0)
        let futures = (0..<33).map { _ in desk.end(id) }
        #expect(value(futures[31]) == nil)
        #expect(refusal(futures[32]) == "503 too many ask; try again")
        run(milliseconds: 33 * 2010)
        for future in futures.dropLast() {
            #expect(refusal(future) == "504 relay thread 0 does not answer")
        }
    }

    @Test func aListingIsReadByPeople() {
        let listing = AllocationListing(records: [[], [record(17, user: "1800000000:room.me")]])
        let document = AllocationDocument(listing, addresses: [4: ["192.0.2.1"]])
        let allocation = document.allocations[0]
        #expect(allocation.id == "1-17-1100")
        #expect(allocation.client == "198.51.100.7:5000")
        #expect(allocation.relayed == "192.0.2.1:50017")
        #expect(allocation.user == "1800000000:room.me")
        #expect(AllocationID(allocation.id) == AllocationID(thread: 1, place: 17, stamp: 17 << 8))
    }

    @Test(arguments: ["", "1", "1-2", "1-2-3-4", "-1-2-3", "1-2-xyz", "70000-1-1", "1--2", "a-b-c"])
    func whatIsNoNameOfAnAllocationIsRefused(_ text: String) {
        #expect(AllocationID(text) == nil)
    }
}
