import Glibc
import Testing

@testable import IOURing

/// Traffic class and DF: which datagrams share a send, and what really arrives.
@Suite struct PacketMarksTests {
    @Test func datagramsThatAreMarkedDifferentlyLeaveApartAndInOrder() throws {
        var harness = try BatchHarness()
        let classes: [UInt8] = [0, 0, 1, 1, 2, 0]
        for (number, trafficClass) in classes.enumerated() {
            let bytes = [UInt8](repeating: UInt8(number), count: 100)
            let marks = PacketMarks(trafficClass: trafficClass)
            #expect(try harness.append(bytes, marks: marks))
        }
        #expect(
            try harness.append([9], marks: PacketMarks(trafficClass: 0, isDontFragment: true))
        )
        harness.batch.seal()
        let slots = harness.pending()
        let images = slots.map { harness.batch.wireImage(of: $0) }
        #expect(images.map(\.marks.trafficClass) == [0, 1, 2, 0, 0])
        #expect(images.map(\.marks.isDontFragment) == [false, false, false, false, true])
        #expect(images.map { $0.datagrams.map { $0[0] } } == [[0, 1], [2, 3], [4], [5], [9]])
        for slot in slots { _ = harness.complete(slot, result: 1) }
    }

    @Test(arguments: [SocketAddress.Family.ipv4, .ipv6])
    func partsOfASplitSendKeepTheirMarks(_ family: SocketAddress.Family) throws {
        var harness = try BatchHarness()
        let marks = PacketMarks(trafficClass: 0xBA)
        for _ in 0..<3 {
            let bytes = [UInt8](repeating: 1, count: 100)
            #expect(try harness.append(bytes, marks: marks, family: family))
        }
        harness.batch.seal()
        let whole = try #require(harness.pending().first)
        #expect(harness.batch.wireImage(of: whole).marks == marks)
        #expect(harness.batch.wireImage(of: whole).datagrams.count == 3)
        #expect(harness.complete(whole, result: -EIO) == .refusedSegmentation)
        harness.batch.split(whole)
        let parts = harness.pending()
        #expect(parts.count == 3)
        for part in parts {
            #expect(harness.batch.wireImage(of: part).marks == marks)
            #expect(harness.batch.wireImage(of: part).datagrams.count == 1)
            _ = harness.complete(part, result: 100)
        }
    }

    @Test(arguments: [SocketAddress.Family.ipv4, .ipv6])
    func trafficClassesArriveAsTheyWereSentAndAreNeverJoined(
        _ family: SocketAddress.Family
    ) throws {
        var harness = try Harness(outgoing: 32)
        var options = DatagramSocketOptions()
        options.receivesTrafficClass = true
        let receiver = try harness.open(file: 0, .own(family), options: options)
        _ = try harness.open(file: 1, .own(family))
        // Trains with ECT(1), CE, ECT(0) and without ECN, with and without a DSCP.
        let classes: [UInt8] = [1, 3, 2, 0, 46 << 2 | 1, 46 << 2]
        for trafficClass in classes {
            for number in UInt8(0)..<4 {
                let bytes = [UInt8](repeating: number, count: 200)
                let marks = PacketMarks(trafficClass: trafficClass)
                try harness.append(bytes, from: 1, to: receiver, marks: marks)
            }
        }
        for outcome in harness.send() { #expect(outcome == .sent(datagrams: 4, bytes: 800)) }
        harness.arm(file: 0)
        var seen: [UInt8] = []
        while seen.count < 4 * classes.count {
            let completions = harness.receives(1)
            try #require(!completions.isEmpty)
            for completion in completions {
                let arrival = try harness.take(completion)
                #expect(arrival.datagram.segmentSize == 200)
                seen += [UInt8](
                    repeating: arrival.datagram.trafficClass,
                    count: arrival.datagram.datagramCount
                )
            }
        }
        #expect(seen == classes.flatMap { [UInt8](repeating: $0, count: 4) })
    }

    /// Symptom: after one DONT-FRAGMENT, everything that left the socket had DF set for ever.
    @Test(arguments: [SocketAddress.Family.ipv4, .ipv6])
    func onlyTheDatagramThatAskedForItIsNotFragmented(_ family: SocketAddress.Family) throws {
        var harness = try Harness()
        let receiver = try harness.open(file: 0, .own(family))
        let sender = try DatagramSocket(boundTo: .own(family))
        try harness.ring.register(file: sender.descriptor, at: 1)
        let dontFragment = PacketMarks(isDontFragment: true)
        for marks in [PacketMarks(), dontFragment, PacketMarks()] {
            try harness.append([1, 2, 3], from: 1, to: receiver, marks: marks)
        }
        harness.batch.seal()
        var isSet: [Bool] = []
        while let slot = harness.batch.nextPending() {
            let isDontFragment = harness.batch.isDontFragment(slot)
            isSet.append(isDontFragment)
            if isDontFragment {
                harness.ring.submit()
                #expect(harness.batch.sendUnfragmented(slot, from: sender) == 3)
                _ = harness.batch.complete(slot, result: 3, pool: &harness.pool)
                continue
            }
            let token = Token(kind: Harness.sendKind, index: slot.rawValue)
            #expect(harness.ring.prepareSend(&harness.batch, slot: slot, token: token))
        }
        #expect(isSet == [false, true, false])
        let untouched = try DatagramSocket(boundTo: .own(family))
        #expect(try fragmentation(of: sender, family) == fragmentation(of: untouched, family))
        harness.arm(file: 0)
        #expect(harness.receives(3).count == 3)
    }

    private func fragmentation(
        of socket: borrowing DatagramSocket,
        _ family: SocketAddress.Family
    ) throws -> Int32 {
        var value: Int32 = -1
        var count = socklen_t(4)
        let level = family == .ipv4 ? IPPROTO_IP : IPPROTO_IPV6
        let option = family == .ipv4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER
        try #require(getsockopt(socket.descriptor, Int32(level), option, &value, &count) == 0)
        return value
    }
}
