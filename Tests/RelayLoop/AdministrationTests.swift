import Exchange
import Glibc
import STUN
import Testing

@testable import IOURing
@testable import RelayLoop

/// What the control thread asks of a running relay thread.
@Suite(.serialized) struct AdministrationTests {
    /// All allocations of a thread, asked for piece by piece; nil when an answer does not come.
    private func list(_ thread: RelayThread) -> [AllocationRecord]? {
        var records: [AllocationRecord] = []
        var next: UInt32? = 0
        var number: UInt32 = 0
        while let place = next {
            number += 1
            guard thread.ask(.allocations(number: number, from: place)) else { return nil }
            guard let end = answer(thread, number, { records.append($0) }) else { return nil }
            next = end.next
        }
        return records
    }

    private func end(_ thread: RelayThread, _ place: UInt32, _ stamp: UInt64) -> Bool? {
        guard thread.ask(.endAllocation(number: 7, place: place, stamp: stamp)) else { return nil }
        return answer(thread, 7) { _ in }?.done
    }

    /// The end of an answer, after its records; nil when none comes within half a minute.
    private func answer(
        _ thread: RelayThread,
        _ number: UInt32,
        _ record: (AllocationRecord) -> Void
    ) -> (next: UInt32?, done: Bool)? {
        for _ in 0..<30_000 {
            switch thread.nextAnswer() {
            case .allocation(number, let found): record(found)
            case .end(number, let next, let done): return (next, done)
            case .allocation, .end: Issue.record("an answer to another question")
            case nil: usleep(1000)
            }
        }
        return nil
    }

    @Test func allocationsAreListedAsTheyAre() throws {
        let relay = try LoopbackRelay()
        let thread = relay.threads[0]
        #expect(list(thread)?.isEmpty == true)
        let client = try LoopbackClient(relay)
        let peer = try FarSocket(relay.peerHost)
        let relayed = try client.connect(to: peer.address)
        let records = try #require(list(thread))
        let record = try #require(records.first)
        let source = TransportAddress(client.socket.address)
        #expect(records.count == 1)
        #expect(record.client.version == 4)
        #expect(record.client.low == source.ip.low && record.client.port == source.port)
        #expect(record.relayVersion == 4 && record.relayPort == relayed.port)
        #expect((590...600).contains(record.secondsLeft))
        #expect(record.permissions == 1 && record.channels == 1)
        #expect(record.user[0] == 0)
    }

    @Test func aListingLongerThanOneAnswerIsWhole() throws {
        let relay = try LoopbackRelay()
        let clients = try (0..<200).map { _ in try LoopbackClient(relay) }
        let ports = try clients.map { try #require(try $0.allocate().relayed).port }
        for client in clients[50..<60] { _ = try client.refreshToNothing() }
        let records = try #require(list(relay.threads[0]))
        #expect(records.map(\.relayPort).sorted() == (ports[..<50] + ports[60...]).sorted())
        #expect(Set(records.map(\.place)).count == 190)
    }

    @Test func anAllocationThatIsEndedIsGone() throws {
        let relay = try LoopbackRelay()
        let thread = relay.threads[0]
        let client = try LoopbackClient(relay)
        let peer = try FarSocket(relay.peerHost)
        let relayed = try client.connect(to: peer.address)
        let record = try #require(list(thread)?.first)
        #expect(end(thread, record.place, record.stamp ^ 1) == false)
        #expect(end(thread, record.place + 1, record.stamp) == false)
        #expect(end(thread, .max, record.stamp) == false)
        try client.send([1])
        #expect(peer.receive() == [1])

        #expect(end(thread, record.place, record.stamp) == true)
        #expect(end(thread, record.place, record.stamp) == false)
        #expect(list(thread)?.isEmpty == true)
        #expect(relay.wait { relay.value(.relaysClosed) == 1 && relay.value(.allocations) == 0 })
        // Nobody has the port any more once the receive has ended, and the client may begin anew.
        #expect(relay.wait { relay.isFree(relayed) })
        #expect(try client.allocate().relayed != nil)
    }

    @Test func aThreadTellsItsTimeUntilItEnds() throws {
        let relay = try LoopbackRelay()
        let thread = relay.threads[0]
        let before = try #require(thread.cpuNanoseconds)
        #expect(before > 0)
        let client = try LoopbackClient(relay)
        for _ in 0..<50 { _ = try client.ask(.binding) }
        #expect(thread.cpuNanoseconds ?? 0 > before)
        relay.stop()
        #expect(thread.cpuNanoseconds == nil)
    }

    @Test func questionsDoNotKeepAThreadFromStopping() throws {
        let relay = try LoopbackRelay()
        // The inbox may be full; nobody hears the answers.
        for number in 0..<1000 {
            _ = relay.threads[0].ask(.allocations(number: UInt32(number), from: 0))
        }
        relay.stop()
    }
}
