import Glibc
import Testing

@testable import IOURing

@Suite struct RingReceiveTests {
    @Test(arguments: [SocketAddress.Family.ipv4, .ipv6])
    func multishotReceiveDeliversEveryDatagramWithItsSource(family: SocketAddress.Family) throws {
        var harness = try Harness()
        let address = try harness.open(file: 3, .own(family))
        harness.arm(file: 3)
        let sender = try PlainSocket(.own(family))
        for number in 0..<10 {
            try sender.send(Array(repeating: UInt8(number), count: 1 + number), to: address)
        }
        let completions = harness.receives(10)
        try #require(completions.count == 10)
        for (number, completion) in completions.enumerated() {
            #expect(completion.hasMore)
            #expect(completion.token == Token(kind: Harness.receiveKind, index: 3))
            let arrival = try harness.take(completion)
            #expect(arrival.datagram.source == sender.address)
            #expect(arrival.datagram.payloadOffset == 112)
            #expect(!arrival.datagram.isTruncated)
            #expect(arrival.payload == Array(repeating: UInt8(number), count: 1 + number))
        }
    }

    @Test func emptyDatagramArrives() throws {
        var harness = try Harness()
        let address = try harness.open(file: 0)
        harness.arm(file: 0)
        let sender = try PlainSocket()
        try sender.send([], to: address)
        let completion = try require(harness.receives(1).first)
        let arrival = try harness.take(completion)
        #expect(arrival.payload == [])
        #expect(arrival.datagram.datagramCount == 1)
    }

    @Test func trainOfTwentyArrivesInOneCompletion() throws {
        var harness = try Harness(outgoing: 32)
        let sender = try harness.open(file: 0)
        let receiver = try harness.open(file: 1)
        harness.arm(file: 1)
        _ = harness.pass(waitFor: 0)
        let train = (0..<20).map { [UInt8](repeating: UInt8($0), count: $0 == 19 ? 400 : 1000) }
        for bytes in train { try harness.append(bytes, from: 0, to: receiver) }
        harness.prepareSends()
        var completions: [Completion] = []
        while !completions.contains(where: { $0.token.kind == Harness.receiveKind }) {
            let new = harness.pass()
            try #require(!new.isEmpty)
            completions += new
        }
        #expect(harness.complete(completions) == [.sent(datagrams: 20, bytes: 19_400)])
        let received = completions.filter { $0.token.kind == Harness.receiveKind }
        try #require(received.count == 1)
        let arrival = try harness.take(received[0])
        #expect(arrival.datagram.source == sender)
        #expect(arrival.datagram.segmentSize == 1000)
        #expect(arrival.datagram.datagramCount == 20)
        #expect(arrival.payload == train.flatMap(\.self))
    }

    @Test func datagramLargerThanTheBufferIsMarkedTruncated() throws {
        var harness = try Harness(bufferSize: 612)
        let address = try harness.open(file: 0)
        harness.arm(file: 0)
        let sender = try PlainSocket()
        try sender.send([UInt8](repeating: 7, count: 501), to: address)
        let completion = try require(harness.receives(1).first)
        let arrival = try harness.take(completion)
        #expect(arrival.datagram.isTruncated)
        #expect(arrival.payload == [UInt8](repeating: 7, count: 500))
    }

    @Test func emptyBufferRingEndsTheReceiveAndArmingAgainLosesNothing() throws {
        var harness = try Harness(buffers: 4)
        let address = try harness.open(file: 0)
        harness.arm(file: 0)
        let sender = try PlainSocket()
        for number in 0..<10 { try sender.send([UInt8(number)], to: address) }

        var payloads: [[UInt8]] = []
        var held: [Completion] = []
        var endings = 0
        while payloads.count < 10 {
            let completions = harness.pass()
            try #require(!completions.isEmpty)
            for completion in completions where completion.error == nil { held.append(completion) }
            guard let last = completions.last, last.error == .noBuffers else { continue }
            #expect(!last.hasMore)
            #expect(last.buffer == nil)
            endings += 1
            for completion in held { payloads.append(try harness.take(completion).payload) }
            held = []
            harness.bufferRing.publish()
            harness.arm(file: 0)
            if payloads.count == 8 {
                for completion in harness.receives(2) {
                    payloads.append(try harness.take(completion).payload)
                }
            }
        }
        #expect(endings == 2)
        #expect(payloads == (0..<10).map { [UInt8($0)] })
    }

    @Test func cancelGivesAFinalCompletionAndNoneOfItsOwn() throws {
        var harness = try Harness()
        _ = try harness.open(file: 0)
        harness.arm(file: 0, generation: 7)
        #expect(harness.pass(waitFor: 0).isEmpty)
        let token = Token(kind: Harness.receiveKind, generation: 7, index: 0)
        expect(harness.ring.cancel(token: token))
        let completions = harness.pass()
        try #require(completions.count == 1)
        #expect(completions[0].token == token)
        #expect(completions[0].error == .canceled)
        #expect(!completions[0].hasMore)
    }

    @Test func cancelOfNothingIsSilent() throws {
        var harness = try Harness()
        expect(harness.ring.cancel(token: Token(kind: 9, index: 9)))
        #expect(harness.pass(waitFor: 0).isEmpty)
        #expect(harness.pass(waitFor: 0).isEmpty)
    }

    @Test func indexIsUsedAgainByAnotherSocketAndTheGenerationTellsThemApart() throws {
        var harness = try Harness()
        let sender = try PlainSocket()
        for generation in 1...3 as ClosedRange<UInt32> {
            let address = try harness.open(file: 5)
            harness.arm(file: 5, generation: generation)
            try sender.send([UInt8(generation)], to: address)
            let completion = try require(harness.receives(1).first)
            #expect(completion.token.generation == generation)
            #expect(try harness.take(completion).payload == [UInt8(generation)])

            let token = completion.token
            expect(harness.ring.cancel(token: token))
            let final = try require(harness.pass().first)
            #expect(final.token == token)
            try harness.ring.unregister(at: 5)
            // The port is free at once: nothing in the ring keeps the socket open.
            _ = try DatagramSocket(boundTo: address)
        }
    }

    @Test func socketsOfARingAreClosedWithIt() throws {
        let sender = try PlainSocket()
        for _ in 0..<20 {
            let address = try Self.addressOfAClosedRing()
            // Nobody shares the port: it is free only when the kernel has let go of the receive.
            _ = try DatagramSocket(boundTo: address)
            try sender.send([1], to: sender.address)
            #expect(sender.receive() == [1])
        }
    }

    private static func addressOfAClosedRing() throws -> SocketAddress {
        var harness = try Harness(buffers: 2)
        let address = try harness.open(file: 0)
        harness.arm(file: 0)
        _ = harness.pass(waitFor: 0)
        let sender = try PlainSocket()
        for _ in 0..<4 { try sender.send([1], to: address) }
        return address
    }

    @Test func fullCompletionQueueLosesNothing() throws {
        var harness = try Harness(entries: 4, completionEntries: 8, buffers: 64)
        let address = try harness.open(file: 0)
        harness.arm(file: 0)
        _ = harness.pass(waitFor: 0)
        let sender = try PlainSocket()
        for number in 0..<50 { try sender.send([UInt8(number)], to: address) }
        var payloads: [[UInt8]] = []
        while payloads.count < 50 {
            let completions = harness.pass()
            try #require(!completions.isEmpty)
            for completion in completions {
                if completion.buffer != nil {
                    payloads.append(try harness.take(completion).payload)
                }
                if !completion.hasMore { harness.arm(file: 0) }
            }
        }
        #expect(payloads == (0..<50).map { [UInt8($0)] })
        #expect(harness.ring.lostCompletions == 0)
    }
}

extension Harness {
    /// A pass that does not wait.
    mutating func pass(waitFor count: Int) -> [Completion] {
        bufferRing.publish()
        _ = ring.enter(waitFor: count, batchWaitMicroseconds: 0, timeoutNanoseconds: nil)
        var completions: [Completion] = []
        while let completion = ring.nextCompletion() { completions.append(completion) }
        return completions
    }
}
