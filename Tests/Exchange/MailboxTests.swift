/// The mailbox: order, bounds, and one sender against one receiver.

import Exchange
import Foundation
import Testing

@Suite struct MailboxTests {
    @Test func refusesWhenFullAndKeepsOrder() {
        let mailbox = Mailbox<Int>(capacity: 4)
        #expect(mailbox.receive() == nil)
        for element in 0..<4 { #expect(mailbox.send(element)) }
        #expect(!mailbox.send(4))
        #expect(mailbox.receive() == 0)
        #expect(mailbox.send(4))
        for element in 1...4 { #expect(mailbox.receive() == element) }
        #expect(mailbox.receive() == nil)
    }

    @Test func carriesEveryElementOnceBetweenTwoThreads() {
        let mailbox = Mailbox<UInt64>(capacity: 8)
        let last: UInt64 = 20_000
        onThreads(2) { index in
            var next: UInt64 = 0
            while next < last {
                if index == 0 {
                    if mailbox.send(next) { next += 1 } else { sched_yield() }
                } else if let element = mailbox.receive() {
                    precondition(element == next, "out of order")
                    next += 1
                } else {
                    sched_yield()
                }
            }
        }
        #expect(mailbox.receive() == nil)
    }
}
