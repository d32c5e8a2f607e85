import Foundation
import Synchronization
import Testing

@testable import Exchange

/// The queue from all threads to one.
@Suite struct ParcelsTests {
    private func send(_ element: UInt64, _ bytes: [UInt8], to parcels: Parcels<UInt64>) -> Bool {
        parcels.send(element, bytes.span.bytes)
    }

    private func next(of parcels: Parcels<UInt64>) -> (UInt64, [UInt8])? {
        var result: (UInt64, [UInt8])?
        let isThere = parcels.receive { element, bytes in
            result = (element, bytes.withUnsafeBytes { Array($0) })
        }
        return isThere ? result : nil
    }

    @Test func elementsAndBytesComeInOrderRoundAfterRound() {
        let parcels = Parcels<UInt64>(capacity: 3, byteLimit: 10)
        for round in 0..<10 as Range<UInt64> {
            #expect(send(round, [UInt8(round)], to: parcels))
            #expect(send(round + 100, [], to: parcels))
            let first = next(of: parcels)
            #expect(first?.0 == round && first?.1 == [UInt8(round)])
            let second = next(of: parcels)
            #expect(second?.0 == round + 100 && second?.1 == [])
            #expect(next(of: parcels) == nil)
        }
    }

    @Test func whatDoesNotFitIsRefused() {
        let parcels = Parcels<UInt64>(capacity: 2, byteLimit: 4)
        #expect(!send(1, [1, 2, 3, 4, 5], to: parcels))
        #expect(send(1, [1, 2, 3, 4], to: parcels))
        #expect(send(2, [], to: parcels))
        #expect(!send(3, [], to: parcels))
        #expect(next(of: parcels)?.0 == 1)
        #expect(send(3, [], to: parcels))
        #expect(next(of: parcels)?.0 == 2)
        #expect(next(of: parcels)?.0 == 3)
    }

    @Test func manyThreadsSendAndNothingIsLostOrMixedUp() {
        let parcels = Parcels<UInt64>(capacity: 16, byteLimit: 8)
        let senders = 4, each = 2000
        let group = DispatchGroup()
        for sender in 0..<senders {
            DispatchQueue.global().async(group: group) {
                for number in 0..<each {
                    let element = UInt64(sender * each + number)
                    let bytes = withUnsafeBytes(of: element) { Array($0) }
                    while !parcels.send(element, bytes.span.bytes) { sched_yield() }
                }
            }
        }
        var last = [Int](repeating: -1, count: senders)
        var count = 0
        while count < senders * each {
            guard let (element, bytes) = next(of: parcels) else {
                sched_yield()
                continue
            }
            #expect(withUnsafeBytes(of: element) { Array($0) } == bytes)
            let (sender, number) = Int(element).quotientAndRemainder(dividingBy: each)
            #expect(number == last[sender] + 1)
            last[sender] = number
            count += 1
        }
        group.wait()
    }
}
