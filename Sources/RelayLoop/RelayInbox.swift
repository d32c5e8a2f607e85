/// What the control thread says to a relay thread.

internal import Exchange
internal import IOURing

/// A word from the control thread.
enum RelayCommand: Sendable, BitwiseCopyable {
    /// Close everything and return.
    case stop
}

/// A mailbox, and the descriptor that wakes the relay thread's ring when something is in it.
final class RelayInbox: Sendable {
    private let mailbox = Mailbox<RelayCommand>(capacity: 64)
    /// What the ring waits for.
    let event: WakeEvent

    init() throws(Errno) { event = try WakeEvent() }

    /// Sends a word and wakes the relay thread; false when its inbox is full.
    func send(_ command: RelayCommand) -> Bool {
        guard mailbox.send(command) else { return false }
        event.signal()
        return true
    }

    /// The next word, for the relay thread.
    func next() -> RelayCommand? { mailbox.receive() }
}
