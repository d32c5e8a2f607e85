internal import CLinux
internal import Glibc

/// Wakes a relay thread from another one: an eventfd that the thread's ring reads.
public final class WakeEvent: Sendable {
    /// The eventfd; a read empties it.
    let descriptor: Int32

    /// Opens an event that is not signalled.
    public init() throws(Errno) {
        descriptor = try Errno.check(eventfd(0, Int32(EFD_CLOEXEC)))
    }

    deinit {
        close(descriptor)
    }

    /// Wakes the thread, now or when it arms the event next; signals in between count as one.
    public func signal() {
        // Fails only when 2^64 - 2 signals were never read.
        eventfd_write(descriptor, 1)
    }

    /// Blocks the calling thread until somebody signals.
    public func wait() {
        var count: eventfd_t = 0
        // SAFETY: `count` is a local that outlives the call.
        while unsafe eventfd_read(descriptor, &count) != 0, Errno.last == .interrupted {}
    }
}
