/// What the control thread says to a relay thread, and hears from it.

internal import Exchange
internal import IOURing
internal import Synchronization

/// A word from the control thread.
enum RelayCommand: Sendable, BitwiseCopyable {
    /// Close everything and return.
    case stop
    /// Answer about allocations.
    case answer(RelayQuestion)
    /// Take new certificates from the shared state.
    case reloadCertificates
}

/// A mailbox, and the descriptor that wakes the relay thread's ring when something is in it.
final class RelayInbox: Sendable {
    private let mailbox = Mailbox<RelayCommand>(capacity: 64)
    /// What the relay thread says back; room for a whole answer, and one that nobody waits for any more.
    let answers = Mailbox<RelayAnswer>(capacity: 2 * (Limits.recordsPerAnswer + 1))
    /// What the ring waits for.
    let event: WakeEvent

    /// An inbox that shares `event`, if there is one, with others who wake the thread.
    init(event: WakeEvent? = nil) throws(Errno) {
        if let event {
            self.event = event
        } else {
            self.event = try WakeEvent()
        }
    }

    /// One at a time sends: the control thread asks, the main thread stops and reloads.
    private let sending = Mutex(())

    /// Sends a word and wakes the relay thread; false when its inbox is full.
    func send(_ command: RelayCommand) -> Bool {
        guard sending.withLock({ _ in mailbox.send(command) }) else { return false }
        event.signal()
        return true
    }

    /// The next word, for the relay thread.
    func next() -> RelayCommand? { mailbox.receive() }
}
