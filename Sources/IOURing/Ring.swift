internal import CLiburing
internal import Glibc

/// The io_uring of one relay thread: what is asked of the kernel, and what it has done.
///
/// Made by the thread that uses it and used by no other (`IORING_SETUP_SINGLE_ISSUER`). Completions
/// are made inside ``enter(waitFor:batchWaitMicroseconds:timeoutNanoseconds:)`` and nowhere else
/// (`IORING_SETUP_DEFER_TASKRUN`), so nothing interrupts the thread and nothing is written to
/// buffers behind its back. Needs Linux 6.1; ``KernelSupport`` says why where it is refused.
@safe
public struct Ring: ~Copyable {
    /// Passes that began with completions the kernel had to keep aside: the queue was too short.
    public internal(set) var overflowCount: UInt64 = 0
    /// Whether the last wait brought more completions than it was for.
    public internal(set) var isFull = false
    /// True when the kernel gathers completions by itself (Linux 6.12, `IORING_FEAT_MIN_TIMEOUT`).
    public internal(set) var gathersInKernel: Bool

    let ring: UnsafeMutablePointer<io_uring>
    /// What a multishot receive is asked to leave room for; submissions point to it.
    let receive: UnsafeMutablePointer<msghdr>
    /// Where the value of a wake event is read to.
    let wakeValue: UnsafeMutablePointer<UInt64>
    let enterFlags: UInt32
    /// Completions before this position have been taken; those before `tail` are known to be there.
    var head: UInt32 = 0
    var tail: UInt32 = 0
    /// Completions before this position, if it is past `head`, are known to be of no kind asked for.
    var searched: UInt32 = 0
    /// Sends filled in and not yet submitted that no wait is for: each will complete while it is submitted.
    var unsubmittedSends: UInt32 = 0
    var receiveGroup: UInt16 = 0

    /// Sets up a ring on the calling thread.
    ///
    /// - Parameters:
    ///   - entries: Submissions between two system calls; rounded up to a power of two.
    ///   - completionEntries: Completions between two passes; rounded up, at least `entries`.
    ///   - files: Indices for registered files; limited by `RLIMIT_NOFILE`.
    /// - Throws: What the kernel says; ``KernelSupport`` turns it into a sentence.
    public init(entries: Int, completionEntries: Int, files: Int) throws(Errno) {
        guard 1...Limits.submissionEntries ~= entries, completionEntries >= entries, files > 0
        else { throw .invalidArgument }
        unsafe ring = try Self.open(entries, completionEntries, files: files)
        let features = unsafe ring.pointee.features
        gathersInKernel = features & IORING_FEAT_MIN_TIMEOUT != 0
        // SAFETY: the ring is set up. Where the descriptor cannot be registered, it does as it is.
        let isRegistered = unsafe io_uring_register_ring_fd(ring) == 1
        enterFlags =
            (isRegistered ? IORING_ENTER_REGISTERED_RING : 0)
            | (features & IORING_FEAT_NO_IOWAIT != 0 ? IORING_ENTER_NO_IOWAIT : 0)
        unsafe receive = .allocate(capacity: 1)
        unsafe receive.initialize(to: msghdr())
        unsafe receive.pointee.msg_namelen = UInt32(ReceivedDatagram.nameRoom)
        unsafe receive.pointee.msg_controllen = ReceivedDatagram.controlRoom
        unsafe wakeValue = .allocate(capacity: 1)
        unsafe wakeValue.initialize(to: 0)
    }

    /// A ring with a table of files, or nothing: what was taken is given back when the rest is refused.
    private static func open(
        _ entries: Int,
        _ completionEntries: Int,
        files: Int
    ) throws(Errno) -> UnsafeMutablePointer<io_uring> {
        let ring = UnsafeMutablePointer<io_uring>.allocate(capacity: 1)
        unsafe ring.initialize(to: io_uring())
        var parameters = io_uring_params()
        parameters.cq_entries = UInt32(clamping: completionEntries)
        parameters.flags =
            IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL
            | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN
        // SAFETY: both live until the call returns.
        var result = unsafe io_uring_queue_init_params(UInt32(entries), ring, &parameters)
        if result == 0 {
            // SAFETY: the ring is set up.
            unsafe turnpike_ring_fix_submission_array(ring)
            result = unsafe io_uring_register_files_sparse(ring, UInt32(clamping: files))
            guard result < 0 else { return unsafe ring }
            unsafe io_uring_queue_exit(ring)
        }
        unsafe ring.deallocate()
        throw Errno(rawValue: 0 - result)
    }

    deinit {
        // SAFETY: set up in init. Every submission ends before the memory goes, and every socket that
        // only the ring had open is closed when this returns.
        unsafe turnpike_ring_quiesce(ring, enterFlags)
        unsafe io_uring_queue_exit(ring)
        unsafe ring.deallocate()
        unsafe receive.deallocate()
        unsafe wakeValue.deallocate()
    }
}

// MARK: - Registrations

extension Ring {
    /// Gives a descriptor an index; the ring holds its own reference until it is unregistered.
    public mutating func register(file descriptor: Int32, at index: UInt32) throws(Errno) {
        try update(index, descriptor)
    }

    /// Takes the descriptor of an index out again.
    ///
    /// The socket closes when its descriptor is closed too and its last submission has ended.
    public mutating func unregister(at index: UInt32) throws(Errno) {
        try update(index, -1)
    }

    private mutating func update(_ index: UInt32, _ descriptor: Int32) throws(Errno) {
        // SAFETY: the kernel reads one descriptor, before the call returns.
        let result = unsafe withUnsafePointer(to: descriptor) { pointer in
            unsafe io_uring_register_files_update(ring, index, pointer, 1)
        }
        try Errno.check(result: result)
    }

    /// Makes receives take their buffers from a buffer ring, which outlives this ring.
    public mutating func attach(_ bufferRing: borrowing BufferRing) throws(Errno) {
        var registration = io_uring_buf_reg()
        registration.ring_addr = unsafe UInt64(UInt(bitPattern: bufferRing.kernelForm))
        registration.ring_entries = UInt32(bufferRing.entries)
        registration.bgid = bufferRing.group
        // SAFETY: the mapping has that many entries; the kernel keeps its pages.
        let result = unsafe io_uring_register_buf_ring(ring, &registration, 0)
        try Errno.check(result: result)
        receiveGroup = bufferRing.group
    }
}
