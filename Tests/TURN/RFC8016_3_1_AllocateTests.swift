import STUN
import Testing

@testable import TURN

@Suite("RFC 8016 3.1: asking for mobility")
struct RFC8016_3_1_AllocateTests {
    private let granted = "allocate ok relayed=50.0.0.1:50000 lifetime=600 mapped=192.0.2.1:1000"

    @Test func anEmptyTicketAsksForOne() {
        let server = TestServer { $0.allowsMobility = true }
        let alice = server.client()
        let answer = server.expect(alice.allocate(.empty(.mobilityTicket)))
        #expect(answer == [granted + " ticket sha1"])
        #expect(alice.ticket.count == SealedTicket.count)
    }

    @Test func whoDoesNotAskGetsNone() {
        let server = TestServer { $0.allowsMobility = true }
        #expect(server.expect(server.client().allocate()) == [granted + " sha1"])
    }

    @Test func aForbiddenOneIsRefused() {
        let server = TestServer()
        let alice = server.client()
        #expect(server.expect(alice.allocate(.empty(.mobilityTicket))) == ["allocate 405 sha1"])
        #expect(server.statistics.errors(.mobilityForbidden) == 1)
        #expect(server.expect(alice.allocate()) == [granted + " sha1"])
    }

    @Test(arguments: [false, true])
    func aTicketWithContentIsABadRequest(_ isAllowed: Bool) {
        let server = TestServer { $0.allowsMobility = isAllowed }
        let alice = server.client()
        let request = alice.allocate(.bytes(.mobilityTicket, [1]))
        #expect(server.expect(request) == ["allocate 400 sha1"])
    }

    @Test func aRetransmissionGetsTheSameTicket() {
        let server = TestServer { $0.allowsMobility = true }
        let alice = server.client()
        let request = alice.allocate(.empty(.mobilityTicket))
        _ = server.expect(request)
        let ticket = alice.ticket
        #expect(server.expect(request) == [granted + " ticket sha1"])
        #expect(alice.ticket == ticket)
    }

    @Test func ticketsTellNothing() {
        let server = TestServer { $0.allowsMobility = true }
        let tickets = (0..<8).map { number in
            let client = server.client("192.0.2.1:\(1000 + number)")
            _ = server.expect(client.allocate(.empty(.mobilityTicket)))
            return client.ticket
        }
        // Places and numbers are small: in the clear, bytes would be the same in all tickets.
        for index in 0..<SealedTicket.count {
            #expect(Set(tickets.map { $0[index] }).count > 1)
        }
    }
}
