internal import CLinux
internal import Glibc

/// What the kernel answers when it says no: an errno value.
///
/// Thrown at set-up; returned as a value, and counted, while the relay runs.
public struct Errno: Error, Hashable, Sendable, BitwiseCopyable, RawRepresentable {
    /// The positive number, as in `errno.h`.
    public let rawValue: Int32

    /// Wraps a positive errno number.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// Takes the error out of a negative io_uring result; `nil` when the result is not one.
    public init?(result: Int32) {
        guard result < 0 else { return nil }
        self.rawValue = 0 &- result
    }
}

extension Errno {
    /// A system call was cut short by a signal.
    public static let interrupted = Errno(rawValue: EINTR)
    /// A wait ended without what was waited for.
    public static let timedOut = Errno(rawValue: ETIME)
    /// The completion queue has to be emptied first.
    public static let busy = Errno(rawValue: EBUSY)
    /// The socket's send buffer is full, or the kernel asks to try again.
    public static let tryAgain = Errno(rawValue: EAGAIN)
    /// No provided buffer was left for a receive.
    public static let noBuffers = Errno(rawValue: ENOBUFS)
    /// The operation was cancelled.
    public static let canceled = Errno(rawValue: ECANCELED)
    /// The peer's host refused an earlier datagram of this socket (ICMP port unreachable).
    public static let connectionRefused = Errno(rawValue: ECONNREFUSED)
    /// A connection is being made.
    public static let inProgress = Errno(rawValue: EINPROGRESS)
    /// An input or output error; a send that cannot be segmented says this.
    public static let inputOutput = Errno(rawValue: EIO)
    /// The kernel does not accept an argument.
    public static let invalidArgument = Errno(rawValue: EINVAL)
    /// Another socket has the address.
    public static let addressInUse = Errno(rawValue: EADDRINUSE)
    /// No memory, or a memory limit is reached.
    public static let outOfMemory = Errno(rawValue: ENOMEM)
    /// The process has too many descriptors open.
    public static let tooManyFiles = Errno(rawValue: EMFILE)
    /// No route to the destination's network.
    public static let networkUnreachable = Errno(rawValue: ENETUNREACH)
    /// No route to the destination.
    public static let hostUnreachable = Errno(rawValue: EHOSTUNREACH)
    /// The destination may not be sent to, such as a broadcast address.
    public static let accessDenied = Errno(rawValue: EACCES)
    /// Forbidden by a security policy.
    public static let notPermitted = Errno(rawValue: EPERM)
    /// The kernel does not have the system call.
    public static let notImplemented = Errno(rawValue: ENOSYS)
    /// A completion was lost because the kernel had no memory to keep it.
    public static let completionLost = Errno(rawValue: EBADR)

    /// What the last failed system call of this thread left behind.
    static var last: Errno {
        Errno(rawValue: errno)
    }

    /// Throws the error of a call that answers 0 or more, or -1 and `errno`.
    @discardableResult
    static func check(_ result: Int32) throws(Errno) -> Int32 {
        guard result >= 0 else { throw last }
        return result
    }

    /// Throws the error of a call that answers 0 or more, or a negative errno.
    @discardableResult
    static func check(result: Int32) throws(Errno) -> Int32 {
        if let error = Errno(result: result) { throw error }
        return result
    }
}

extension Errno: CustomStringConvertible {
    /// The name and the text: `EAGAIN (Resource temporarily unavailable)`.
    public var description: String {
        // SAFETY: both functions return NULL or a string constant of the C library.
        guard let name = unsafe turnpike_error_name(rawValue),
            let text = unsafe turnpike_error_text(rawValue)
        else { return "error \(rawValue)" }
        return unsafe "\(String(cString: name)) (\(String(cString: text)))"
    }
}
