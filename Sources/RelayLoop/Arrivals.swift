/// What relay threads send one another.

internal import Exchange
internal import IOURing
internal import Synchronization

/// The entrance of one relay thread for connections that another one took in.
final class Arrivals: Sendable {
    private let parcels = Parcels<TravellingConnection>(
        capacity: Limits.parcels,
        byteLimit: Limits.chunkBytes
    )
    // Locked for a moment when the thread starts and when it is woken, which is rare.
    private let event = Mutex<WakeEvent?>(nil)

    /// Says how the thread is woken.
    func open(_ event: WakeEvent) { self.event.withLock { $0 = event } }

    /// Sends a connection and its unread bytes, from any thread; false when there is no room.
    func send(_ connection: TravellingConnection, _ unread: RawSpan) -> Bool {
        guard parcels.send(connection, unread) else { return false }
        event.withLock { $0 }?.signal()
        return true
    }

    /// Lends the oldest, for the thread they are sent to; false when there is none.
    func receive(_ body: (TravellingConnection, RawSpan) -> Void) -> Bool {
        parcels.receive(body)
    }
}
