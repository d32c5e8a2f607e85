internal import CLiburing

/// The ring through which a thread lends empty buffers of its pool to the kernel.
///
/// A receive takes the buffer lent first. Buffers added become visible to the kernel together, with
/// ``publish()``. Keep it alive as long as the ``Ring`` it is attached to.
@safe
public struct BufferRing: ~Copyable {
    /// Buffers the ring can hold; a power of two.
    public let entries: Int
    /// The number by which a receive names this ring.
    public let group: UInt16

    private let mapping: Mapping
    private var unpublished: Int32 = 0

    /// Takes memory for a ring that holds at least `capacity` buffers.
    ///
    /// - Throws: `EINVAL` when `capacity` is not in 1 ... 32 768.
    public init(capacity: Int, group: UInt16 = 0) throws(Errno) {
        guard 1...Limits.bufferRingEntries ~= capacity else { throw .invalidArgument }
        var entries = 1
        while entries < capacity { entries *= 2 }
        let mapping = try Mapping(byteCount: entries * MemoryLayout<io_uring_buf>.stride)
        self.entries = entries
        self.group = group
        self.mapping = mapping
    }

    /// The kernel's view of the ring; the mapping starts zeroed, which is an empty ring.
    @unsafe
    var kernelForm: UnsafeMutablePointer<io_uring_buf_ring> {
        // SAFETY: the mapping is made for it and is bound to no other type.
        unsafe mapping.start.assumingMemoryBound(to: io_uring_buf_ring.self)
    }

    /// Lends a buffer; the kernel sees it after ``publish()``.
    ///
    /// The ring has room as long as it was made for all buffers of its pool.
    public mutating func add(_ buffer: BufferIndex, pool: inout BufferPool) {
        precondition(buffer.rawValue < Limits.nameableBuffers && unpublished < entries)
        pool.lend(buffer)
        // SAFETY: the buffer has pool.size bytes and nobody holds it; the offset is within the ring.
        unsafe turnpike_buffer_ring_add(
            kernelForm,
            pool.address(buffer),
            UInt32(pool.size),
            UInt16(buffer.rawValue),
            Int32(entries - 1),
            unpublished
        )
        unpublished &+= 1
    }

    /// Shows the kernel every buffer added since.
    public mutating func publish() {
        guard unpublished > 0 else { return }
        // SAFETY: that many entries after the tail have been filled.
        unsafe turnpike_buffer_ring_advance(kernelForm, unpublished)
        unpublished = 0
    }
}
