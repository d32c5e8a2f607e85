internal import CLiburing
internal import CLinux
internal import Glibc

/// The memory of one send: everything the kernel reads, and what we must remember until it is done.
///
/// A view, not an owner: the memory is part of its ``SendBatch``, which makes views only of slots it
/// has. Datagrams are added while the slot is open; `close` completes the kernel's message header.
@safe
struct SendSlot {
    /// What we remember of a send.
    struct Head: BitwiseCopyable {
        var destination: SocketAddress
        var socket: UInt32
        /// Bytes of every datagram but the last.
        var segmentSize: UInt32
        var byteCount: UInt32
        var datagrams: UInt16
        var vectors: UInt16
        var buffers: UInt16
        /// Completions still to come.
        var remaining: UInt16
        /// A datagram shorter than the others was added: it has to be the last one.
        var isFull: Bool
        var state: State
        /// Of every datagram.
        var marks: PacketMarks
    }

    /// Where a slot is in its life.
    enum State: UInt8, BitwiseCopyable {
        /// Takes datagrams.
        case open
        /// Complete; waits to be sent, or is being sent.
        case closed
        /// The kernel refused to segment it; waits to be split.
        case refused
        /// On the free list.
        case free
    }

    /// One datagram of the slot.
    struct Segment: BitwiseCopyable {
        var byteCount: UInt32
        var firstVector: UInt16
        var vectors: UInt16
    }

    private static let addressOffset = 64
    /// Two control messages of 24 bytes: the segment size, and the traffic class.
    private static let controlOffset = 96
    private static let trafficClassOffset = controlOffset + 24
    private static let headOffset = 144
    private static let vectorOffset = 256
    private static let segmentOffset = vectorOffset + Limits.vectors * 16
    private static let bufferOffset = segmentOffset + Limits.segments * 8
    /// Bytes of a slot: 65 cache lines, odd so that the heads spread over all sets of the cache.
    static let stride = bufferOffset + Limits.segments * 4 + Limits.cacheLine

    private let start: UnsafeMutableRawPointer

    /// A view of the slot whose memory starts at `start` and has ``stride`` bytes.
    @unsafe
    init(at start: UnsafeMutableRawPointer) {
        unsafe self.start = unsafe start
    }

    /// What we remember.
    var head: Head {
        get {
            // SAFETY: the memory at this offset holds nothing but a Head.
            unsafe start.advanced(by: Self.headOffset).assumingMemoryBound(to: Head.self).pointee
        }
        nonmutating _modify {
            // SAFETY: as above; the batch that owns the memory is held exclusively.
            yield unsafe &start.advanced(by: Self.headOffset)
                .assumingMemoryBound(to: Head.self).pointee
        }
    }

    /// The kernel's message header of the whole slot.
    @unsafe
    var message: UnsafeMutablePointer<msghdr> {
        // SAFETY: the memory at this offset holds nothing but a msghdr.
        unsafe start.assumingMemoryBound(to: msghdr.self)
    }

    @unsafe
    private var vectors: UnsafeMutablePointer<iovec> {
        // SAFETY: the memory at this offset holds nothing but Limits.vectors entries.
        unsafe start.advanced(by: Self.vectorOffset).assumingMemoryBound(to: iovec.self)
    }

    @unsafe
    private var segments: UnsafeMutablePointer<Segment> {
        // SAFETY: the memory at this offset holds nothing but Limits.segments entries.
        unsafe start.advanced(by: Self.segmentOffset).assumingMemoryBound(to: Segment.self)
    }

    @unsafe
    private var buffers: UnsafeMutablePointer<UInt32> {
        // SAFETY: the memory at this offset holds nothing but Limits.segments entries.
        unsafe start.advanced(by: Self.bufferOffset).assumingMemoryBound(to: UInt32.self)
    }

    /// The datagram of a number below `head.datagrams`.
    func segment(_ index: Int) -> Segment {
        precondition(index < Int(head.datagrams))
        // SAFETY: checked just above.
        return unsafe segments[index]
    }

    /// The buffer of a number below `head.buffers`.
    func buffer(_ index: Int) -> BufferIndex {
        precondition(index < Int(head.buffers))
        // SAFETY: checked just above.
        return BufferIndex(rawValue: unsafe buffers[index])
    }
}

// MARK: - Filling

extension SendSlot {
    /// Makes the slot an empty one to a destination; the first datagram decides the segment size.
    func open(for datagram: OutgoingDatagram) {
        head = Head(
            destination: datagram.destination,
            socket: datagram.socket,
            segmentSize: UInt32(truncatingIfNeeded: datagram.count),
            byteCount: 0,
            datagrams: 0,
            vectors: 0,
            buffers: 0,
            remaining: 1,
            isFull: false,
            state: .open,
            marks: datagram.marks
        )
        // SAFETY: 32 bytes are there for an address of at most 28.
        let addressCount = unsafe datagram.destination.store(
            to: start.advanced(by: Self.addressOffset)
        )
        unsafe message.initialize(to: msghdr())
        unsafe message.pointee.msg_name = start.advanced(by: Self.addressOffset)
        unsafe message.pointee.msg_namelen = UInt32(addressCount)
        unsafe message.pointee.msg_iov = vectors
    }

    /// True when the slot sends from this socket to this destination.
    @inline(__always)
    func isFor(_ datagram: OutgoingDatagram) -> Bool {
        head.socket == datagram.socket && head.destination == datagram.destination
    }

    /// True when a datagram may leave in the same send: all are marked alike and of one size, but the
    /// last, which may be shorter; none of them empty.
    @inline(__always)
    func accepts(_ datagram: OutgoingDatagram) -> Bool {
        let head = head
        let count = datagram.count
        return !head.isFull && count > 0 && count <= Int(head.segmentSize)
            && head.marks == datagram.marks
            && Int(head.datagrams) < Limits.segments
            && Int(head.byteCount) &+ count <= Limits.segmentedBytes
    }

    /// Datagrams of `count` bytes that may join, at least 1: the slot is empty, or accepts that size.
    func room(for count: Int) -> Int {
        let head = head
        if head.datagrams == 0 && count >= Limits.segmentedBytes || count == 0 { return 1 }
        if count < Int(head.segmentSize) { return 1 }
        return min(
            Limits.segments &- Int(head.datagrams),
            (Limits.segmentedBytes &- Int(head.byteCount)) / count
        )
    }

    /// Adds `times` datagrams that differ only in where their payloads are, `stride` bytes apart;
    /// retains their buffer.
    ///
    /// There is room for them, or it is one and the slot's first. Inlined, as most are one: nothing of a loop is left then.
    @unsafe
    @inline(__always)
    func append(
        _ datagram: OutgoingDatagram,
        times: Int,
        stride: Int,
        zeros: UnsafeMutableRawPointer,
        pool: inout BufferPool
    ) {
        check(datagram, times: times, stride: stride, size: pool.size)
        // SAFETY: the ranges added are inside the buffer; `zeros` has at least 3 bytes.
        let base = unsafe pool.address(datagram.buffer)
        let header = unsafe base + datagram.headerOffset
        var payload = unsafe base + datagram.payloadOffset
        let isWhole = datagram.headerOffset &+ datagram.headerCount == datagram.payloadOffset
        // Counted here, as what is written through pointers could change the head for all the compiler knows.
        var end = Int(head.vectors), first = end
        for position in 0..<times {
            if position == 0, isWhole {
                unsafe add(header, datagram.headerCount &+ datagram.payloadCount, at: &end)
            } else {
                unsafe add(header, datagram.headerCount, at: &end)
                unsafe add(payload, datagram.payloadCount, at: &end)
            }
            unsafe add(zeros, datagram.paddingCount, at: &end)
            let segment = Segment(
                byteCount: UInt32(truncatingIfNeeded: datagram.count),
                firstVector: UInt16(truncatingIfNeeded: first),
                vectors: UInt16(truncatingIfNeeded: end &- first)
            )
            // SAFETY: `check` has seen that there is room for so many datagrams.
            unsafe segments[Int(head.datagrams) &+ position] = segment
            first = end
            unsafe payload += stride
        }
        count(datagram, times: times, vectors: end)
        appendBuffer(datagram.buffer, pool: &pool)
    }

    /// Notes the datagrams that have been added.
    private func count(_ datagram: OutgoingDatagram, times: Int, vectors: Int) {
        let bytes = UInt32(truncatingIfNeeded: datagram.count)
        head.vectors = UInt16(truncatingIfNeeded: vectors)
        head.datagrams &+= UInt16(truncatingIfNeeded: times)
        head.byteCount &+= bytes &* UInt32(truncatingIfNeeded: times)
        head.isFull = bytes < head.segmentSize
    }

    /// Traps when a piece would lie outside its buffer or the slot has no place for a datagram.
    private func check(_ datagram: OutgoingDatagram, times: Int, stride: Int, size: Int) {
        let lastPayload = datagram.payloadOffset + (times - 1) * stride
        precondition(times > 0 && stride >= 0 && Int(head.datagrams) + times <= Limits.segments)
        precondition(datagram.headerOffset >= 0 && datagram.headerCount >= 0)
        precondition(datagram.payloadOffset >= 0 && datagram.payloadCount >= 0)
        precondition(datagram.headerOffset + datagram.headerCount <= size)
        precondition(lastPayload + datagram.payloadCount <= size)
        precondition(0...3 ~= datagram.paddingCount)
    }

    /// Adds a piece that is not empty at the end of the vectors.
    @unsafe
    private func add(_ base: UnsafeMutableRawPointer, _ count: Int, at end: inout Int) {
        guard count > 0 else { return }
        // SAFETY: at most Limits.vectorsEach of Limits.segments datagrams each.
        unsafe vectors[end] = iovec(iov_base: base, iov_len: count)
        end &+= 1
    }

    /// Notes the buffer, once for a run of datagrams that share it.
    @inline(__always)
    private func appendBuffer(_ buffer: BufferIndex, pool: inout BufferPool) {
        let count = Int(head.buffers)
        // SAFETY: count - 1 is an entry that has been written.
        if count > 0, unsafe buffers[count - 1] == buffer.rawValue { return }
        pool.retain(buffer)
        // SAFETY: no more buffers than datagrams, and append has checked those.
        unsafe buffers[count] = buffer.rawValue
        head.buffers &+= 1
    }
}

// MARK: - Sending

extension SendSlot {
    /// Completes the message header: several datagrams leave as one send, to be cut by segment size.
    func close() {
        head.state = .closed
        // SAFETY: the message is initialized; there is room for both control messages.
        unsafe message.pointee.msg_iovlen = Int(head.vectors)
        let isMarked = head.marks.trafficClass != 0
        if isMarked { storeTrafficClass() }
        guard head.datagrams > 1 else {
            if isMarked { unsafe setControl(of: message, Self.trafficClassOffset, count: 24) }
            return
        }
        let control = unsafe start.advanced(by: Self.controlOffset)
        unsafe control.storeBytes(of: 18, as: UInt.self)
        unsafe control.storeBytes(of: Int32(SOL_UDP), toByteOffset: 8, as: Int32.self)
        unsafe control.storeBytes(of: UDP_SEGMENT, toByteOffset: 12, as: Int32.self)
        let size = UInt16(truncatingIfNeeded: head.segmentSize)
        unsafe control.storeBytes(of: UInt64(size), toByteOffset: 16, as: UInt64.self)
        unsafe setControl(of: message, Self.controlOffset, count: isMarked ? 48 : 24)
    }

    /// Writes the control message that marks what leaves, for one send or for many.
    private func storeTrafficClass() {
        let isIPv4 = head.destination.family == .ipv4
        // SAFETY: 24 bytes are there.
        let control = unsafe start.advanced(by: Self.trafficClassOffset)
        unsafe control.storeBytes(of: 20, as: UInt.self)
        let level = isIPv4 ? Int32(IPPROTO_IP) : Int32(IPPROTO_IPV6)
        unsafe control.storeBytes(of: level, toByteOffset: 8, as: Int32.self)
        let type = isIPv4 ? IP_TOS : IPV6_TCLASS
        unsafe control.storeBytes(of: type, toByteOffset: 12, as: Int32.self)
        let value = UInt64(head.marks.trafficClass)
        unsafe control.storeBytes(of: value, toByteOffset: 16, as: UInt64.self)
    }

    /// Lets a message header name control messages of this slot.
    @unsafe
    private func setControl(
        of message: UnsafeMutablePointer<msghdr>,
        _ offset: Int,
        count: Int
    ) {
        // SAFETY: the control messages lie inside the slot.
        unsafe message.pointee.msg_control = start.advanced(by: offset)
        unsafe message.pointee.msg_controllen = count
    }

    /// Writes to `message` the header of a send of one of the slot's datagrams.
    @unsafe
    func makeMessage(ofDatagram index: Int, at message: UnsafeMutablePointer<msghdr>) {
        let segment = segment(index)
        // SAFETY: the segment's vectors are entries that have been written.
        unsafe message.initialize(to: msghdr())
        unsafe message.pointee.msg_name = self.message.pointee.msg_name
        unsafe message.pointee.msg_namelen = self.message.pointee.msg_namelen
        unsafe message.pointee.msg_iov = vectors.advanced(by: Int(segment.firstVector))
        unsafe message.pointee.msg_iovlen = Int(segment.vectors)
        if head.marks.trafficClass != 0 {
            unsafe setControl(of: message, Self.trafficClassOffset, count: 24)
        }
    }
}
