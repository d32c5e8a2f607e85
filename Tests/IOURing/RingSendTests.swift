import Glibc
import Testing

@testable import IOURing

@Suite struct RingSendTests {
    @Test(arguments: [SocketAddress.Family.ipv4, .ipv6])
    func oneSegmentedSendIsTwentyDatagramsForTheReceiver(family: SocketAddress.Family) throws {
        var harness = try Harness(outgoing: 32)
        _ = try harness.open(file: 0, .own(family))
        let receiver = try PlainSocket(.own(family))
        let train = (0..<20).map { [UInt8](repeating: UInt8($0), count: 1000) }
        for bytes in train { try harness.append(bytes, from: 0, to: receiver.address) }
        #expect(harness.send() == [.sent(datagrams: 20, bytes: 20_000)])
        for bytes in train { #expect(receiver.receive() == bytes) }
        #expect(harness.pool.freeCount == 32)
    }

    @Test func headerPayloadAndPaddingLeaveAsOneDatagram() throws {
        var harness = try Harness()
        _ = try harness.open(file: 0)
        let receiver = try PlainSocket()
        let buffer = try require(harness.pool.take())
        harness.pool.fill(buffer, at: 10, [1, 2, 3, 4])
        harness.pool.fill(buffer, at: 100, [5, 6, 7, 8, 9])
        for headerOffset in [10, 96] {
            if headerOffset == 96 { harness.pool.fill(buffer, at: 96, [1, 2, 3, 4]) }
            let datagram = OutgoingDatagram(
                socket: 0,
                destination: receiver.address,
                buffer: buffer,
                headerOffset: headerOffset,
                headerCount: 4,
                payloadOffset: 100,
                payloadCount: 5,
                paddingCount: 3
            )
            expect(harness.batch.append(datagram, pool: &harness.pool))
            #expect(harness.send() == [.sent(datagrams: 1, bytes: 12)])
            #expect(receiver.receive() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 0])
        }
        expect(harness.pool.release(buffer))
    }

    @Test func refusedSegmentationIsSentOneByOneInOrder() throws {
        var harness = try Harness(outgoing: 32)
        // The kernel refuses to segment for a socket that sends without checksums.
        let sender = try PlainSocket()
        expect(sender.set(SOL_SOCKET, SO_NO_CHECK, 1))
        try harness.ring.register(file: sender.socket.descriptor, at: 0)
        let receiver = try PlainSocket()
        let train = (0..<20).map { [UInt8](repeating: UInt8($0), count: 1000) }
        for bytes in train { try harness.append(bytes, from: 0, to: receiver.address) }
        harness.prepareSends()
        let refused = try require(harness.pass(waitFor: 0).first)
        #expect(harness.complete([refused]) == [.refusedSegmentation])
        #expect(harness.batch.segmentationRefusals == 1)
        #expect(harness.pool.freeCount == 12)

        harness.batch.split(SlotIndex(rawValue: refused.token.index))
        harness.preparePending()
        let outcomes = harness.complete(harness.pass(waitFor: 0))
        #expect(outcomes == Array(repeating: .sent(datagrams: 1, bytes: 1000), count: 20))
        for bytes in train { #expect(receiver.receive() == bytes) }
        #expect(harness.pool.freeCount == 32)
        #expect(harness.batch.freeSlots == 64)
    }

    @Test func destinationThatCannotBeReachedCostsOneDatagramAndNothingElse() throws {
        var harness = try Harness()
        _ = try harness.open(file: 0)
        let receiver = try PlainSocket()
        let unreachable = [
            (SocketAddress.loopback(.ipv4, port: 0), EINVAL),
            (SocketAddress(ipv4: 0xFFFF_FFFF, port: 9), EACCES),
            (SocketAddress.loopback(.ipv6, port: 9), EAFNOSUPPORT),
        ]
        for (address, error) in unreachable {
            try harness.append([1], from: 0, to: address)
            try harness.append([2], from: 0, to: receiver.address)
            let dropped = SendOutcome.dropped(datagrams: 1, error: Errno(rawValue: error))
            #expect(harness.send() == [dropped, .sent(datagrams: 1, bytes: 1)])
            #expect(receiver.receive() == [2])
        }
        #expect(harness.pool.freeCount == 16)
    }

    @Test func closedPortDoesNotDisturbTheSocket() throws {
        var harness = try Harness()
        let address = try harness.open(file: 0)
        harness.arm(file: 0)
        let closed = try PlainSocket().address
        for _ in 0..<3 {
            try harness.append([1], from: 0, to: closed)
            #expect(harness.send() == [.sent(datagrams: 1, bytes: 1)])
        }
        let sender = try PlainSocket()
        try sender.send([9], to: address)
        let completion = try require(harness.receives(1).first)
        #expect(try harness.take(completion).payload == [9])
    }

    @Test func receiverThatDoesNotReadBlocksNobody() throws {
        var harness = try Harness(outgoing: 64)
        _ = try harness.open(file: 0)
        let deaf = try PlainSocket(receiveBuffer: 4096)
        for _ in 0..<20 {
            for _ in 0..<32 {
                try harness.append([UInt8](repeating: 1, count: 1000), from: 0, to: deaf.address)
            }
            #expect(harness.send() == [.sent(datagrams: 32, bytes: 32_000)])
        }
        #expect(harness.pool.freeCount == 64)
    }

    @Test func completionsOfSendsCanBeTakenAheadOfReceives() throws {
        var harness = try Harness()
        let address = try harness.open(file: 0)
        harness.arm(file: 0)
        _ = harness.pass(waitFor: 0)
        let sender = try PlainSocket()
        for byte in 1...3 as ClosedRange<UInt8> { try sender.send([byte], to: address) }
        for byte in 4...5 as ClosedRange<UInt8> {
            try harness.append([byte], from: 0, to: sender.address)
            harness.prepareSends()
        }
        // The three, beside the sends.
        _ = harness.ring.enter(
            waitFor: 3,
            batchWaitMicroseconds: 30_000_000,
            timeoutNanoseconds: 30_000_000_000
        )
        var sends: [Completion] = []
        while let next = harness.ring.nextCompletion(ofKind: Harness.sendKind) {
            sends.append(next)
        }
        #expect(harness.complete(sends).count == 2)
        var others: [Completion] = []
        while let next = harness.ring.nextCompletion() { others.append(next) }
        #expect(others.map(\.token.kind) == [1, 1, 1])
        #expect(try others.map { try harness.take($0).payload } == [[1], [2], [3]])
        #expect(harness.batch.freeSlots == 64)
    }

    @Test func fullSubmissionQueueIsSubmittedOnTheWay() throws {
        var harness = try Harness(entries: 4, outgoing: 64)
        _ = try harness.open(file: 0)
        let receiver = try PlainSocket()
        // Growing sizes: no two of them fit into one send.
        let datagrams = (1...40).map { [UInt8](repeating: UInt8($0), count: $0) }
        for bytes in datagrams { try harness.append(bytes, from: 0, to: receiver.address) }
        let outcomes = harness.send()
        #expect(outcomes == datagrams.map { .sent(datagrams: 1, bytes: $0.count) })
        for bytes in datagrams { #expect(receiver.receive() == bytes) }
    }
}
