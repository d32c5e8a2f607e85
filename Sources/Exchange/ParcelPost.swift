/// Parcels between threads: rare things that are too large, or of too many sizes, for a mailbox.

/// A mailbox for each pair of threads, whose elements are owned by whoever holds them.
///
/// A parcel is allocated by its sender and freed by its receiver; the mailboxes bound how many there are.
public final class ParcelPost<Content: Sendable>: Sendable {
    private final class Parcel: Sendable {
        let content: Content
        init(_ content: Content) { self.content = content }
    }

    /// How many threads there are.
    public let threads: Int
    private let mailboxes: [Mailbox<UInt>]

    /// A post for threads numbered from 0, with room for `capacity` parcels from each to each.
    public init(threads: Int, capacity: Int) {
        self.threads = threads
        mailboxes = (0..<threads * threads).map { _ in Mailbox(capacity: capacity) }
    }

    deinit {
        for receiver in 0..<threads {
            for sender in 0..<threads { while receive(at: receiver, from: sender) != nil {} }
        }
    }

    /// Sends a parcel; false when too many are on their way; only for the thread `sender`.
    public func send(_ content: Content, from sender: Int, to receiver: Int) -> Bool {
        // Whoever receives the bits takes this reference over.
        let parcel = unsafe Unmanaged.passRetained(Parcel(content))
        // A reference is as good as its bits.
        let bits = unsafe UInt(bitPattern: parcel.toOpaque())
        if mailbox(sender, receiver).send(bits) { return true }
        // Nobody else has seen the reference.
        unsafe parcel.release()
        return false
    }

    /// Takes the oldest parcel of a sender, nil when there is none; only for the thread `receiver`.
    public func receive(at receiver: Int, from sender: Int) -> Content? {
        guard let bits = mailbox(sender, receiver).receive(),
            let pointer = unsafe UnsafeRawPointer(bitPattern: bits)
        else { return nil }
        // `send` retained the parcel for exactly this one use.
        return unsafe Unmanaged<Parcel>.fromOpaque(pointer).takeRetainedValue().content
    }

    private func mailbox(_ sender: Int, _ receiver: Int) -> Mailbox<UInt> {
        mailboxes[sender * threads + receiver]
    }
}
