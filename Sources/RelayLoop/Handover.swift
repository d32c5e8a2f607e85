/// What relay threads say to each other about clients that move between them (RFC 8016).

internal import Exchange
internal import IOURing
public import TURN

/// A word from one relay thread to another.
public enum Handover: Sendable {
    /// A message of a client of thread `origin`, whose allocation another thread has; after `hopsLeft` more threads
    /// it is returned, unless one of them knows where the allocation went. Without a number the receiver had the allocation a moment ago.
    case message([UInt8], from: FiveTuple, origin: Int, hopsLeft: Int?)
    /// A message whose client's allocation is with no other thread any more, or, unless `isFinal`, not with this one:
    /// by its ticket it may be for an allocation that is anywhere.
    case returned([UInt8], from: FiveTuple, isFinal: Bool)
    /// What to answer the client, if anything, and which thread has its allocation.
    case answer([UInt8], to: FiveTuple, owner: UInt16?)
    /// The allocation of a client, with its relayed sockets: the receiver's to close.
    case allocation(MovedAllocation, client: FiveTuple, ipv4: Int32?, ipv6: Int32?)
    /// A message for a client on a connection of the receiver, whose allocation is still with the sender.
    case delivery([UInt8], to: FiveTuple)
    /// What the sender still got from a relayed socket that is the receiver's now.
    case train(PassedTrain)
    /// All of these that a pass has for the receiver.
    case several([Handover])
}

/// What carries words between relay threads: mailboxes, or a simulator's.
public protocol HandoverCarrier {
    /// The threads that can reach each other; 1 when nobody hands over.
    var threads: Int { get }

    /// Sends; false when too many are on their way.
    func send(_ handover: Handover, from sender: Int, to receiver: Int) -> Bool
}

/// The way between relay threads: parcels, and what wakes their receivers.
final class HandoverPost: HandoverCarrier, Sendable {
    private let post: ParcelPost<Handover>
    private let events: [WakeEvent]

    /// The threads that can reach each other; 1 when there is but one, or no event for each.
    let threads: Int

    init(threads: Int) {
        let events = threads > 1 ? (0..<threads).compactMap { _ in try? WakeEvent() } : []
        self.threads = events.count == threads ? threads : 1
        self.events = events
        post = ParcelPost(threads: self.threads, capacity: Limits.handovers)
    }

    /// What wakes a thread; nil when nobody hands over.
    func event(of thread: Int) -> WakeEvent? { thread < events.count ? events[thread] : nil }

    /// Sends and wakes; false when too many are on their way.
    func send(_ handover: Handover, from sender: Int, to receiver: Int) -> Bool {
        guard receiver < threads, post.send(handover, from: sender, to: receiver) else {
            return false
        }
        events[receiver].signal()
        return true
    }

    /// The next word of a thread to a thread.
    func receive(at receiver: Int, from sender: Int) -> Handover? {
        post.receive(at: receiver, from: sender)
    }
}

extension ConnectionIndex {
    fileprivate static let foreignBit: UInt32 = 1 << 30
    /// Bits of the number that a connection has on its own thread, below those of the thread: there are no more than a
    /// million of the one (`limits/connections`), and 1024 of the other (`threads/count`).
    fileprivate static let numberBits: UInt32 = 20

    /// Whether it is a connection of another thread.
    var isForeign: Bool { self != .none && rawValue & Self.foreignBit != 0 }

    /// The thread of a foreign connection.
    var thread: Int { Int((rawValue & (Self.foreignBit &- 1)) &>> Self.numberBits) }
}

extension FiveTuple {
    /// The client of a thread in the eyes of the others: connections are numbered by each thread.
    func foreign(of thread: Int) -> FiveTuple {
        guard connection != .none else { return self }
        let owner = UInt32(truncatingIfNeeded: thread) &<< ConnectionIndex.numberBits
        var fiveTuple = self
        fiveTuple.connection = ConnectionIndex(
            rawValue: connection.rawValue | owner | ConnectionIndex.foreignBit
        )
        return fiveTuple
    }

    /// The client of a foreign connection in the eyes of its own thread.
    var native: FiveTuple {
        var fiveTuple = self
        fiveTuple.connection = ConnectionIndex(
            rawValue: connection.rawValue & (1 &<< ConnectionIndex.numberBits &- 1)
        )
        return fiveTuple
    }
}
