internal import CLiburing
internal import Glibc

/// Names a send of a ``SendBatch``: a whole slot, or one datagram of a slot that was split.
public struct SlotIndex: Hashable, Sendable, BitwiseCopyable {
    /// Fits the index of a ``Token``: the slot in the lower 24 bits, above it 0 or 1 + the datagram.
    public let rawValue: UInt32

    /// Takes the index of a token back.
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    init(slot: Int, part: Int = 0) {
        rawValue = UInt32(truncatingIfNeeded: part << 24 | slot)
    }

    var slot: Int { Int(rawValue & 0xFF_FFFF) }
    var part: Int { Int(rawValue >> 24) }
}

/// What a pass of the loop sends, grouped by flow: datagrams from one socket to one destination
/// leave as one segmented send where the kernel's rules allow it.
///
/// In a pass: ``append(_:pool:)`` for each datagram, ``seal()``, then a send for each
/// ``nextPending()``. When it is done: ``complete(_:result:pool:)``, then give back every
/// ``takeReleased()``. Groups are sent in the order in which they were opened, and a flow opens a
/// new group only after closing the one before, so the order inside a flow is kept.
@safe
public struct SendBatch: ~Copyable {
    /// Slots that the next datagrams can open.
    public private(set) var freeSlots: Int
    /// Segmented sends that the kernel refused to segment.
    public private(set) var segmentationRefusals: UInt64 = 0

    private let slots: Int
    private let isSegmenting: Bool
    private let inPlace = InPlace()
    private let memory: Mapping
    /// For each slot, a message header for each datagram; touched only by a split.
    private let splitMessages: MappedArray<msghdr>
    /// The first `freeSlots` entries are the free slots; the last one is taken next.
    private var freeList: MappedArray<UInt32>
    /// The slots opened in this pass, in order.
    private var opened: MappedArray<UInt32>
    private var openedCount = 0
    private var pending: SlotQueue
    /// Buffers whose last reference a completion gave up.
    private var released: MappedArray<UInt32>
    private var releasedCount = 0
    private var flows: FlowTable
    /// The slot appended to last in this pass, or -1.
    private var last = -1

    /// Takes the memory of a batch.
    ///
    /// - Parameters:
    ///   - slots: Sends that may be open, pending or under way at a time, 1 ... 65 536.
    ///   - segmentation: Join datagrams; otherwise each leaves by itself.
    /// - Throws: `EINVAL` for a count out of range, `ENOMEM` when there is no memory.
    public init(slots: Int, segmentation: Bool) throws(Errno) {
        guard 1...65_536 ~= slots else { throw .invalidArgument }
        let sends = slots * Limits.segments
        // One line more than the slots: the zeros that padding is sent from.
        let memory = try Mapping(byteCount: slots * SendSlot.stride + Limits.cacheLine)
        let splitMessages = unsafe try MappedArray<msghdr>(count: sends)
        let freeList = try MappedArray<UInt32>(count: slots)
        let opened = try MappedArray<UInt32>(count: slots)
        let pending = try SlotQueue(capacity: sends)
        let released = try MappedArray<UInt32>(count: sends)
        let flows = try FlowTable(slots: slots)
        self.slots = slots
        self.memory = memory
        unsafe self.splitMessages = splitMessages
        self.freeList = freeList
        self.opened = opened
        self.pending = pending
        self.released = released
        self.flows = flows
        isSegmenting = segmentation
        freeSlots = slots
        for index in 0..<slots {
            self.freeList[index] = UInt32(slots - 1 - index)
            slot(index).head.state = .free
        }
    }

    private func slot(_ index: Int) -> SendSlot {
        precondition(index >= 0 && index < slots)
        // SAFETY: the mapping has that many slots of that stride.
        return unsafe SendSlot(at: memory.start + index &* SendSlot.stride)
    }
}

// MARK: - A pass

extension SendBatch {
    /// Puts a datagram into the group of its flow and retains its buffer, once for each slot.
    ///
    /// - Returns: False when a slot is needed and none is free; nothing is retained then.
    public mutating func append(_ datagram: OutgoingDatagram, pool: inout BufferPool) -> Bool {
        guard let index = slot(for: datagram) else { return false }
        // SAFETY: the zeros are the line after the last slot, which nobody writes.
        unsafe slot(index).append(datagram, times: 1, stride: 0, zeros: zeros, pool: &pool)
        return true
    }

    /// Puts a run of datagrams into the groups of their flow: all with one header and of one size,
    /// their payloads `stride` bytes apart in the buffer.
    ///
    /// - Returns: How many found a slot, from the first on.
    public mutating func append(
        _ datagram: OutgoingDatagram,
        times: Int,
        stride: Int,
        pool: inout BufferPool
    ) -> Int {
        var next = datagram
        var left = times
        while left > 0, let index = slot(for: next) {
            let count = isSegmenting ? min(left, slot(index).room(for: next.count)) : 1
            // SAFETY: as above.
            unsafe slot(index).append(next, times: count, stride: stride, zeros: zeros, pool: &pool)
            left &-= count
            next.payloadOffset &+= count &* stride
        }
        return times &- left
    }

    /// The zeros that padding is sent from.
    @unsafe
    private var zeros: UnsafeMutableRawPointer {
        // SAFETY: the mapping has that line behind its slots.
        unsafe memory.start + slots &* SendSlot.stride
    }

    /// An open slot that takes the datagram: that of its flow, or a new one.
    @inline(__always)
    private mutating func slot(for datagram: OutgoingDatagram) -> Int? {
        if last >= 0, slot(last).isFor(datagram), slot(last).accepts(datagram) { return last }
        return findSlot(for: datagram)
    }

    private mutating func findSlot(for datagram: OutgoingDatagram) -> Int? {
        guard isSegmenting else { return openSlot(for: datagram) }
        var flow = flows.start(datagram)
        while let index = flows.slot(at: flow) {
            if slot(index).isFor(datagram) {
                guard slot(index).accepts(datagram) else { break }
                last = index
                return index
            }
            flow = flows.next(flow)
        }
        guard let index = openSlot(for: datagram) else { return nil }
        flows.set(index, at: flow)
        last = index
        return index
    }

    private mutating func openSlot(for datagram: OutgoingDatagram) -> Int? {
        guard freeSlots > 0 else { return nil }
        freeSlots &-= 1
        let index = Int(freeList[freeSlots])
        slot(index).open(for: datagram)
        opened[openedCount] = UInt32(index)
        openedCount &+= 1
        return index
    }

    /// Ends the pass: its groups become pending, in the order in which they were opened.
    public mutating func seal() {
        for position in 0..<openedCount {
            let index = Int(opened[position])
            slot(index).close()
            pending.append(SlotIndex(slot: index))
        }
        openedCount = 0
        last = -1
        flows.clear()
    }

    /// The next send to give to the kernel; it stays in its slot until it is completed.
    public mutating func nextPending() -> SlotIndex? {
        pending.takeFirst()
    }
}

// MARK: - The kernel's answers

/// How a send ended.
public enum SendOutcome: Hashable, Sendable {
    /// The kernel took all of it.
    case sent(datagrams: Int, bytes: Int)
    /// The kernel takes these datagrams only one by one: the caller calls ``SendBatch/split(_:)``.
    case refusedSegmentation
    /// The kernel took none of it, and nobody will send it again.
    case dropped(datagrams: Int, error: Errno)
}

extension SendBatch {
    /// Notes the result of a send, and frees its slot unless it has to be split.
    ///
    /// - Parameters:
    ///   - index: A send that ``nextPending()`` gave and that was not completed yet.
    ///   - result: The completion's result, or a negative errno for a send that was never submitted.
    ///   - pool: The pool of the buffers; those released here are given by ``takeReleased()``.
    /// - Returns: What became of the datagrams.
    public mutating func complete(
        _ index: SlotIndex,
        result: Int32,
        pool: inout BufferPool
    ) -> SendOutcome {
        let slot = slot(index.slot)
        precondition(slot.head.state == .closed && slot.head.remaining > 0)
        let isWhole = index.part == 0
        let datagrams = isWhole ? Int(slot.head.datagrams) : 1
        let bytes = isWhole ? slot.head.byteCount : slot.segment(index.part - 1).byteCount
        let error = Errno(result: result)
        if let error, datagrams > 1, error == .inputOutput || error == .invalidArgument {
            slot.head.state = .refused
            segmentationRefusals &+= 1
            return .refusedSegmentation
        }
        slot.head.remaining &-= 1
        if slot.head.remaining == 0 { finish(index.slot, pool: &pool) }
        if let error { return .dropped(datagrams: datagrams, error: error) }
        return .sent(datagrams: datagrams, bytes: Int(bytes))
    }

    /// Queues the datagrams of a refused send again, one by one and in order, before anything that
    /// is sealed later.
    public mutating func split(_ index: SlotIndex) {
        let slot = slot(index.slot)
        precondition(slot.head.state == .refused && index.part == 0)
        slot.head.state = .closed
        slot.head.remaining = slot.head.datagrams
        for part in 1...Int(slot.head.datagrams) {
            let part = SlotIndex(slot: index.slot, part: part)
            // SAFETY: the slot is closed and not under way; nobody reads that message yet.
            unsafe slot.makeMessage(ofDatagram: part.part - 1, at: message(of: part))
            pending.append(part)
        }
    }

    /// A buffer that a completion gave up last: the caller lends it to the kernel or frees it.
    public mutating func takeReleased() -> BufferIndex? {
        guard releasedCount > 0 else { return nil }
        releasedCount &-= 1
        return BufferIndex(rawValue: released[releasedCount])
    }

    /// Gives up the buffers of a slot, and the slot.
    private mutating func finish(_ index: Int, pool: inout BufferPool) {
        let slot = slot(index)
        for position in 0..<Int(slot.head.buffers) {
            let buffer = slot.buffer(position)
            guard pool.release(buffer) else { continue }
            precondition(releasedCount < slots &* Limits.segments)
            released[releasedCount] = buffer.rawValue
            releasedCount &+= 1
        }
        slot.head.state = .free
        precondition(freeSlots < slots)
        freeList[freeSlots] = UInt32(index)
        freeSlots &+= 1
    }
}

// MARK: - For the ring

extension SendBatch {
    /// Whether a send may not be fragmented: the ring cannot say so, see ``sendUnfragmented(_:from:)``.
    public func isDontFragment(_ index: SlotIndex) -> Bool {
        slot(index.slot).head.marks.isDontFragment
    }

    /// The address family a send belongs to.
    func slotFamily(of index: SlotIndex) -> SocketAddress.Family {
        slot(index.slot).head.destination.family
    }

    /// The registered file a send leaves from.
    public func socket(of index: SlotIndex) -> UInt32 {
        slot(index.slot).head.socket
    }

    /// The kernel's message header of a send; valid until its completion.
    @unsafe
    func message(of index: SlotIndex) -> UnsafeMutablePointer<msghdr> {
        guard index.part > 0 else { return unsafe slot(index.slot).message }
        precondition(index.slot < slots && index.part <= Limits.segments)
        // SAFETY: the mapping has Limits.segments headers for each slot.
        return unsafe splitMessages.start
            + (index.slot &* Limits.segments &+ index.part &- 1)
    }
}
